// CSV and text files as public data sets, receivers, spreadsheets and other programs write them, with
// invented numbers: each is replayed with all its rows, with its times and units, or the message says which
// flag it needs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "shm/reader.h"
#include "tests/paths.h"
#include "tests/tools/json.h"
#include "tests/tools/process.h"
#include "tests/tools/recording.h"

namespace smt::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Shape {
  const char* name;  // of the test, too
  const char* file;
  std::string text;
  std::vector<int64_t> stamps_ns;
  std::vector<const char*> fields;  // "name type count unit" of each
  const char* told;                 // of what was guessed
  std::vector<std::string> flags = {};
  const char* refused = nullptr;  // the message without the flags
};

const std::string kGroundTruth =
    "#timestamp, p_RS_R_x [m], p_RS_R_y [m], p_RS_R_z [m], q_RS_w [], q_RS_x [], q_RS_y [], q_RS_z [], "
    "v_RS_R_x [m s^-1], v_RS_R_y [m s^-1], v_RS_R_z [m s^-1], b_w_RS_S_x [rad s^-1], b_w_RS_S_y [rad s^-1], "
    "b_w_RS_S_z [rad s^-1], b_a_RS_S_x [m s^-2], b_a_RS_S_y [m s^-2], b_a_RS_S_z [m s^-2]\n"
    "1403636580838555648,4.6,-1.7,0.7,0.5,-0.15,-0.8,-0.05,-0.02,0.03,0.08,-0.003,0.02,0.07,-0.02,0.13,0.06\n"
    "1403636580843555328,4.6,-1.8,0.7,0.5,-0.15,-0.8,-0.05,-0.02,0.03,0.08,-0.003,0.02,0.07,-0.02,0.13,0.06\n"
    "1403636580848555520,4.7,-1.8,0.8,0.5,-0.16,-0.8,-0.04,-0.01,0.03,0.08,-0.003,0.02,0.07,-0.02,0.13,0."
    "06\n";

const Shape kShapes[] = {
    {"EuRoC ground truth",
     "state_groundtruth_estimate0/data.csv",
     kGroundTruth,
     {1403636580838555648, 1403636580843555328, 1403636580848555520},
     {"timestamp i64 1 ns", "p_RS_R_x f64 1 m", "p_RS_R_y f64 1 m", "p_RS_R_z f64 1 m", "q_RS_w f64 1 -",
      "q_RS_x f64 1 -", "q_RS_y f64 1 -", "q_RS_z f64 1 -", "v_RS_R_x f64 1 m*s^-1", "v_RS_R_y f64 1 m*s^-1",
      "v_RS_R_z f64 1 m*s^-1", "b_w_RS_S_x f64 1 rad*s^-1", "b_w_RS_S_y f64 1 rad*s^-1",
      "b_w_RS_S_z f64 1 rad*s^-1", "b_a_RS_S_x f64 1 m*s^-2", "b_a_RS_S_y f64 1 m*s^-2",
      "b_a_RS_S_z f64 1 m*s^-2"},
     "17 columns between commas, named in line 1; time is \"timestamp\" in ns by its magnitude, 5 ms"},
    {"EuRoC IMU",
     "imu0.csv",
     "#timestamp [ns],w_RS_S_x [rad s^-1],a_RS_S_z [m s^-2]\n"
     "1403636579758555392,-0.0991,9.0874\n1403636579763555584,-0.0998,8.9\n",
     {1403636579758555392, 1403636579763555584},
     {"timestamp i64 1 ns", "w_RS_S_x f64 1 rad*s^-1", "a_RS_S_z f64 1 m*s^-2"},
     "in ns as its unit says"},
    {"EuRoC list of images",
     "cam0.csv",
     "#timestamp [ns],filename\r\n1403636579763555584,1403636579763555584.png\r\n"
     "1403636579813555456,1403636579813555456.png\r\n",
     {1403636579763555584, 1403636579813555456},
     {"timestamp i64 1 ns", "filename char 23 -"},
     "1 of them text"},
    {"TUM ground truth",
     "groundtruth.txt",
     "# ground truth trajectory\n# file: 'invented.bag'\n# timestamp tx ty tz qx qy qz qw\n"
     "1305031098.6659 1.3563 0.6305 1.6380 0.6132 0.5962 -0.3311 -0.3986\n"
     "1305031098.6758 1.3543 0.6306 1.6360 0.6129 0.5966 -0.3316 -0.3980\n",
     {1305031098665900000, 1305031098675800000},
     {"timestamp f64 1 s", "tx f64 1 -", "ty f64 1 -", "tz f64 1 -", "qx f64 1 -", "qy f64 1 -", "qz f64 1 -",
      "qw f64 1 -"},
     "8 columns between spaces, named in line 3; time is \"timestamp\" in s by its magnitude, 9.9 ms"},
    {"TUM trajectory without names",
     "estimated.txt",
     "1305031098.665900000 1.35 0.63 1.63 0.61 0.59 -0.33 -0.39\n"
     "1305031098.675800123 1.34 0.62 1.64 0.60 0.58 -0.34 -0.38\n",
     {1305031098665900000, 1305031098675800123},
     {"c1 f64 1 s", "c2 f64 1 -", "c3 f64 1 -", "c4 f64 1 -", "c5 f64 1 -", "c6 f64 1 -", "c7 f64 1 -",
      "c8 f64 1 -"},
     "without names, so c1 to c8; time is \"c1\" in s"},
    {"trajectory between spaces",
     "vo.csv",
     "time tx ty tz qx qy qz qw\n0.00 1 2 3 0 0 0 1\n0.05 1 2 3.5 0 0 0 1\n",
     {0, 50'000'000},
     {"time f64 1 s", "tx i64 1 -", "ty i64 1 -", "tz f64 1 -", "qx i64 1 -", "qy i64 1 -", "qz i64 1 -",
      "qw i64 1 -"},
     "named in line 1"},
    {"KITTI times",
     "times.txt",
     "0.000000e+00\n1.037359e-01\n2.072869e-01\n",
     {0, 103735900, 207286900},
     {"c1 f64 1 s"},
     "1 column, without a name, so c1; time is \"c1\" in s by its magnitude, 104 ms"},
    {"KITTI timestamps",
     "timestamps.txt",
     "2011-09-26 13:02:25.964389445\n2011-09-26 13:02:26.067741823\n",
     {1317042145964389445, 1317042146067741823},
     {"c1 char 29 -"},
     "time is \"c1\", a date in UTC, 103 ms"},
    {"KITTI poses",
     "poses.txt",
     "1.0 0.1 0.2 0.5 0.0 1.0 0.1 0.4 0.0 0.1 1.0 0.9\n1.0 0.1 0.1 0.4 0.0 0.9 0.1 0.5 0.0 0.1 1.0 0.8\n"
     "0.9 0.2 0.2 0.5 0.1 1.0 0.0 0.3 0.1 0.0 0.9 0.9\n",
     {0, 100'000'000, 200'000'000},
     {"c1 f64 1 -", "c2 f64 1 -", "c3 f64 1 -", "c4 f64 1 -", "c5 f64 1 -", "c6 f64 1 -", "c7 f64 1 -",
      "c8 f64 1 -", "c9 f64 1 -", "c10 f64 1 -", "c11 f64 1 -", "c12 f64 1 -"},
     "10 rows a second, as --csv-rate says",
     {"--csv-rate", "10"},
     "--csv-rate HZ does without one"},
    {"u-blox NAV-PVT",
     "nav-pvt.csv",
     "fixType,iTOW,lat [deg],lon [deg],height [mm],gSpeed [mm/s]\n"
     "3,345600000,48.1,11.5,520000,12\n3,345600200,48.1,11.5,519000,15\n3,345600400,48.2,11.4,521000,11\n",
     {345600000000000, 345600200000000, 345600400000000},
     {"fixType i64 1 -", "iTOW i64 1 ms", "lat f64 1 deg", "lon f64 1 deg", "height i64 1 mm",
      "gSpeed i64 1 mm/s"},
     "time is \"iTOW\" in ms by its magnitude, 200 ms"},
    {"Excel with decimal commas",
     "Messung.CSV",
     "\xef\xbb\xbfsep=;\r\nZeit (s);Weg [mm];Bemerkung\r\n0,0;1,5;\"a;b\"\r\n0,1;2;\r\n0,2;-2,5;c\r\n",
     {0, 100'000'000, 200'000'000},
     {"Zeit f64 1 s", "Weg f64 1 mm", "Bemerkung char 3 -"},
     "3 columns between semicolons, with decimal commas, 1 of them text, named in line 2"},
    {"Excel with quotes",
     "Book1.csv",
     "\"Time (s)\",\"Engine Speed (rpm)\",\"OK\"\r\n\"1\",\"1,200\",TRUE\r\n\"1.5\",\"900\",FALSE\r\n",
     {1'000'000'000, 1'500'000'000},
     {"Time f64 1 s", "Engine_Speed char 5 rpm", "OK bool 1 -"},
     "in s as its unit says"},
    {"pandas with its index",
     "frame.csv",
     ",timestamp,x,ok,label\n0,1700000000.1,1.0,True,a\n1,1700000000.2,,False,\n2,1700000000.3,inf,True,\"b,"
     "c\"\n",
     {1700000000100000000, 1700000000200000000, 1700000000300000000},
     {"c1 i64 1 -", "timestamp f64 1 s", "x f64 1 -", "ok bool 1 -", "label char 3 -"},
     "time is \"timestamp\" in s by its magnitude, 100 ms"},
    {"pandas with an index of dates",
     "dated.csv",
     "time,value\n2024-01-31 12:00:00.250000+00:00,1\n2024-01-31 12:00:00.500000+00:00,2\n",
     {1706702400250000000, 1706702400500000000},
     {"time char 32 -", "value i64 1 -"},
     "time is \"time\", a date in UTC, 250 ms"},
    {"gnuplot with a header and two blocks",
     "curve.dat",
     "# t   position   speed\n0.00   0.0   1.0\n0.01   0.1   1.1\n\n\n0.02   0.2   0.9\n",
     {0, 10'000'000, 20'000'000},
     {"t f64 1 s", "position f64 1 -", "speed f64 1 -"},
     "3 columns between spaces, named in line 1"},
    {"gnuplot between tabs",
     "curve2.dat",
     "10.5\t1\t-3\n10.6\t2\t-4\n",
     {10'500'000'000, 10'600'000'000},
     {"c1 f64 1 s", "c2 i64 1 -", "c3 i64 1 -"},
     "3 columns between tabs"},
    {"rostopic echo -p",
     "odom.csv",
     "%time,field.header.seq,field.header.stamp,field.header.frame_id,field.twist.linear.x\n"
     "1700000000100000000,7,1700000000090000000,odom,0.5\n1700000000120000000,8,1700000000110000000,odom,0."
     "6\n",
     {1700000000100000000, 1700000000120000000},
     {"time i64 1 ns", "field.header.seq i64 1 -", "field.header.stamp i64 1 -",
      "field.header.frame_id char 4 -", "field.twist.linear.x f64 1 -"},
     "time is \"time\" in ns by its magnitude, 20 ms"},
    {"PlotJuggler",
     "plot.csv",
     "__time,/imu/accel.x,/imu/accel.y\n1700000000.125000,0.5,\n1700000000.250000,,0.25\n",
     {1700000000125000000, 1700000000250000000},
     {"__time f64 1 s", "/imu/accel.x f64 1 -", "/imu/accel.y f64 1 -"},
     "time is \"__time\" in s"},
    {"ulog2csv",
     "vehicle_attitude.0.csv",
     "timestamp,q[0],q[1],q[2],q[3],quat_reset_counter\n"
     "20004000,1,0.0,0,0.5,0\n20008000,0.9,0.1,0,0.5,0\n20012000,0.9,0,0,0.4,1\n",
     {20004000000, 20008000000, 20012000000},
     {"timestamp i64 1 us", "q f64 4 -", "quat_reset_counter i64 1 -"},
     "in us by its magnitude, 4 ms"},
    {"phone with nanoseconds since its boot",
     "Accelerometer.csv",
     "seconds_elapsed,elapsedRealtimeNanos,x,y\n0.01,53000000000000,0.1,9.8\n0.02,53000010000000,0.2,9.7\n",
     {53000000000000, 53000010000000},
     {"seconds_elapsed f64 1 -", "elapsedRealtimeNanos i64 1 ns", "x f64 1 -", "y f64 1 -"},
     "time is \"elapsedRealtimeNanos\" in ns by its magnitude",
     {"--csv-time", "elapsedRealtimeNanos"}},
    {"oscilloscope",
     "scope.csv",
     "Time [s],Channel 0 [V],Channel 1 [V]\n-0.000001,0.1,3.3\n0.000000,0.2,0.0\n0.000001,0.1,3.2\n",
     {-1000, 0, 1000},
     {"Time f64 1 s", "Channel_0 f64 1 V", "Channel_1 f64 1 V"},
     "1 us from row to row"},
    {"weather station",
     "weather.tsv",
     "Timestamp\tTemperature (\xc2\xb0"
     "C)\tWind\n1700000000\t12.5\tNW\n1700000060\t12.6\tN\n",
     {1700000000000000000, 1700000060000000000},
     {"Timestamp i64 1 s",
      "Temperature f64 1 \xc2\xb0"
      "C",
      "Wind char 2 -"},
     "time is \"Timestamp\" in s by its magnitude, 60 s"},
    {"Excel with dates of a country",
     "Termine.csv",
     "Time;x\n26.09.2011 13:02:25;1\n26.09.2011 13:02:26;2\n",
     {0, 1'000'000'000},
     {"Time char 19 -", "x i64 1 -"},
     "1 rows a second, as --csv-rate says",
     {"--csv-rate", "1"},
     "column \"Time\" cannot be the time: \"26.09.2011 13:02:25\" in line 2"},
    {"LabVIEW between tabs with decimal commas",
     "labview.txt",
     "Time\tForce [N]\n0,00\t1,5\n0,01\t2,5\n",
     {0, 10'000'000},
     {"Time f64 1 s", "Force f64 1 N"},
     "2 columns between tabs, with decimal commas",
     {"--csv-decimal", "comma"},
     "--csv-decimal comma makes it a number"},
    {"instrument with lines above the names and units below",
     "lab.csv",
     "Device,X 100\nOperator,nobody\nclock,level\nms,dB\n10,0.5\n20,0.25\n",
     {10'000'000, 20'000'000},
     {"clock i64 1 ms", "level f64 1 dB"},
     "named by --csv-columns; time is \"clock\" in ms as its unit says",
     {"--csv-header", "4", "--csv-columns", "clock,level", "--csv-unit", "clock=ms", "--csv-unit",
      "level=dB"},
     "--csv-time COLUMN names one"},
};

void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

class CsvShape : public ToolTest, public testing::WithParamInterface<Shape> {
 protected:
  std::vector<int64_t> stamps_of(const std::string& topic, std::vector<std::string>* fields) const {
    Result<Reader> reader = Reader::open(domain(), topic);
    EXPECT_TRUE(reader.ok()) << reader.status().message();
    std::vector<int64_t> stamps;
    while (const Sample* sample = reader->next()) stamps.push_back(sample->stamp_ns);
    const std::optional<Schema> schema = reader->schema();
    EXPECT_TRUE(schema.has_value()) << "no topic " << topic;
    for (const Field& f : schema ? schema->fields : std::vector<Field>()) {
      fields->push_back(f.name + " " + std::string(name_of(f.type)) + " " + std::to_string(f.count) + " " +
                        (f.unit.empty() ? "-" : f.unit));
    }
    return stamps;
  }
};

TEST_P(CsvShape, IsReplayedWithItsRowsTimesAndUnitsOrTheMessageNamesTheFlag) {
  const Shape& shape = GetParam();
  const std::string path = write(shape.file, shape.text);
  std::vector<std::string> args = {"smtreplay", path, "--asap", "--history", "64"};
  if (shape.refused != nullptr) {
    const Ended refused = run(args);
    EXPECT_EQ(refused.exit_code, 2) << refused.err;
    EXPECT_THAT(refused.err, AllOf(HasSubstr(path + ": "), HasSubstr(shape.refused)));
  }
  args.insert(args.end(), shape.flags.begin(), shape.flags.end());
  const Ended replay = run(args);
  EXPECT_EQ(replay.exit_code, 0) << replay.err;
  EXPECT_THAT(replay.err, AllOf(HasSubstr("info: " + path + ": "), HasSubstr(shape.told)));
  std::string topic = fs::path(shape.file).stem();
  if (topic.ends_with(".0")) topic.replace(topic.size() - 2, 1, "/");
  std::vector<std::string> fields;
  EXPECT_EQ(stamps_of(topic, &fields), shape.stamps_ns);
  EXPECT_EQ(fields, std::vector<std::string>(shape.fields.begin(), shape.fields.end()));
}

INSTANTIATE_TEST_SUITE_P(Table, CsvShape, testing::ValuesIn(kShapes), [](const auto& row) {
  std::string name = row.param.name;
  for (char& c : name) {
    if (!isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
});

using CsvFiles = ToolTest;

TEST_F(CsvFiles, OfAFolderAreATopicEachInTheOrderOfTheirTimes) {
  write("rec/mav0/imu0/data.csv", "#timestamp [ns],x\n1403636579758555392,1\n1403636579768555392,3\n");
  write("rec/mav0/gt.csv", kGroundTruth);
  write("rec/typed.csv", "timestamp,x\nint64_t,float\n1403636579763555,2\n");
  const Ended info = run({"smtlogger", "info", root_ + "/rec", "-f", "json"});
  EXPECT_EQ(info.exit_code, 0) << info.err;
  std::map<std::string, uint64_t> samples;
  const Json all = Json::parse(info.out);
  for (const Json& topic : all["topics"]) samples[topic["topic"].get<std::string>()] = topic["samples"];
  EXPECT_EQ(samples, (std::map<std::string, uint64_t>{{"mav0/imu0/data", 2}, {"mav0/gt", 3}, {"typed", 1}}));
  const Ended convert = run({"smtlogger", "convert", root_ + "/rec", root_ + "/a.mcap"});
  EXPECT_EQ(convert.exit_code, 0) << convert.err;
  EXPECT_THAT(convert.out, HasSubstr("6 samples"));
}

TEST_F(CsvFiles, ThatWouldBeOneTopicAreSaidAndOnlyTheFirstIsPlayed) {
  const std::string row = "timestamp,x\nint64_t,float\n1,2\n";
  const std::string first = write("rec/a.0.csv", row), second = write("rec/a/0.csv", row);
  const std::string upper = write("rec/B.CSV", row), lower = write("rec/B.csv", row);
  const Ended replay = run({"smtreplay", root_ + "/rec", "--asap"});
  EXPECT_EQ(replay.exit_code, 1);
  EXPECT_THAT(replay.err,
              AllOf(HasSubstr(second + ": it is the topic a/0, as " + first + " is; rename one of the files"),
                    HasSubstr(lower + ": it is the topic B, as " + upper + " is"),
                    HasSubstr("2 topics, 2 samples, 0 rows skipped, 2 files left out")));
  const Ended convert = run({"smtlogger", "convert", root_ + "/rec", root_ + "/a.mcap"});
  EXPECT_EQ(convert.exit_code, 1);
  EXPECT_THAT(convert.out, HasSubstr("2 samples from " + root_ + "/rec, complete; 0 left out, and 2 topics"));
}

TEST_F(CsvFiles, WhatMacOsPutsBesideThemIsNoRecording) {
  write("rec/A.CSV", "timestamp,x\nint64_t,float\n1,2\n");
  write("rec/._A.CSV", std::string("\0\5\x16\7\0\2\0\0Mac OS X        \0\2", 26));
  write("rec/._b.csv", "timestamp,x\nint64_t,float\n1,2\n");  // a topic may have this name
  const Ended replay = run({"smtreplay", root_ + "/rec", "--asap"});
  EXPECT_EQ(replay.exit_code, 0) << replay.err;
  EXPECT_THAT(replay.err, HasSubstr("2 topics, 2 samples, 0 rows skipped, 0 files left out"));
  EXPECT_EQ(run({"smttopic", "info", "A"}).exit_code, 0);
  EXPECT_EQ(run({"smttopic", "info", "._b"}).exit_code, 0);
}

TEST_F(CsvFiles, ThatSmtloggerWritesAreReadWhateverTheTopicsNames) {
  for (const char* topic : {"sp ace", "a/b c/0", "._x", "A.CSV", "ü/#1"}) {
    ASSERT_EQ(run({"smttopic", "pub", topic, "f64[2]", "[1,2]"}).exit_code, 0) << topic;
  }
  const Ended record =
      run({"smtlogger", "--output", root_ + "/a.mcap", "--exclude", "smt/**", "--duration", "200ms"});
  ASSERT_EQ(record.exit_code, 0) << record.err;
  const Ended convert = run({"smtlogger", "convert", root_ + "/a.mcap", root_ + "/csv/"});
  ASSERT_EQ(convert.exit_code, 0) << convert.err;
  const Ended replay = run({"smtreplay", root_ + "/csv/", "--asap", "--prefix", "again"});
  EXPECT_EQ(replay.exit_code, 0) << replay.err;
  EXPECT_THAT(replay.err, HasSubstr(", 0 rows skipped, 0 files left out"));
  for (const char* topic : {"sp ace", "a/b c/0", "._x", "A.CSV", "ü/#1"}) {
    EXPECT_THAT(run({"smttopic", "echo", "--once", std::string("again/") + topic, "-f", "jsonl"}).out,
                HasSubstr("\"value\":[1.0,2.0]"))
        << topic;
  }
}

TEST_F(CsvFiles, ThatAreNoneAreRefusedWithWhatToDo) {
  const struct {
    const char* file;
    std::string text;
    const char* reason;
  } kTable[] = {{"wide.csv", "\xff\xfet\0,\0x\0\n", "UTF-16; save the file as UTF-8"},
                {"mac.csv", "t,x\r1,2\r3,4\r", "carriage returns"},
                {"long.csv", std::string(5 << 20, '1'), "line 1 has more than 4 MiB"},
                {"zip.csv", std::string("PK\3\4\0\0\0\0", 8), "no text"},
                {"none.csv", "", "is empty"},
                {"names.csv", "t,x\n", "has no rows"}};
  for (const auto& row : kTable) {
    const std::string path = write(row.file, row.text);
    const Ended replay = run({"smtreplay", path, "--asap"});
    EXPECT_EQ(replay.exit_code, 2) << row.file;
    EXPECT_THAT(replay.err, AllOf(HasSubstr(path + ": "), HasSubstr(row.reason)));
  }
  const std::string pipe = root_ + "/pipe.csv";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(run({"smtreplay", pipe}).err, HasSubstr("no regular file"));
  for (const std::vector<std::string>& flags : {std::vector<std::string>{"--csv-separator", "x"},
                                                {"--csv-decimal", "dot"},
                                                {"--csv-type", "x=int"},
                                                {"--csv-type", "float"},
                                                {"--csv-unit", "=m"},
                                                {"--csv-time-unit", "year"},
                                                {"--csv-rate", "nan"},
                                                {"--csv-rate", "0"},
                                                {"--csv-header", "-1"},
                                                {"--csv-rate", "1", "--csv-time", "t"}}) {
    std::vector<std::string> args = {"smtreplay", root_ + "/names.csv"};
    args.insert(args.end(), flags.begin(), flags.end());
    const Ended replay = run(args);
    EXPECT_EQ(replay.exit_code, 2) << flags[0] << " " << flags[1];
    EXPECT_THAT(replay.err, HasSubstr(flags[0]));
  }
}

// The recorded flight as it would be without its rows of C types.
TEST_F(CsvFiles, OfTheRecordedFlightHaveTheSameRowsAndTimesWithoutTheirTypes) {
  const fs::path flight = source_path("../shared/data/px4_flight");
  if (!fs::is_directory(flight)) GTEST_SKIP() << "no recorded flight at " << flight.string();
  const Recording recording = load_recording(flight);
  for (const auto& entry : fs::directory_iterator(flight)) {
    std::vector<std::string> lines = split_lines(contents(entry.path()));
    lines.erase(lines.begin() + 1);
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    write("rec/" + entry.path().filename().string(), text);
  }
  const Ended info =
      run({"smtlogger", "info", root_ + "/rec", "-f", "json", "--csv-time-unit", "us", "--log", "warn"});
  EXPECT_EQ(info.exit_code, 0) << info.err;
  const Json topics = Json::parse(info.out)["topics"];
  EXPECT_EQ(topics.size(), recording.size());
  for (const Json& topic : topics) {
    const std::vector<RecordedRow>& rows = recording.at(topic["topic"].get<std::string>());
    EXPECT_EQ(topic["samples"], rows.size()) << topic["topic"];
    const auto [first, last] = std::minmax_element(
        rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.stamp_ns < b.stamp_ns; });
    EXPECT_EQ(topic["first_ns"], first->stamp_ns) << topic["topic"];
    EXPECT_EQ(topic["last_ns"], last->stamp_ns) << topic["topic"];
  }
}

}  // namespace
}  // namespace smt::tools
