// Recorded topics as CSV.
#include "cmd/value/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace smt::cmd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Parsed {
  Status status;
  std::vector<std::byte> value;
  int64_t time_ns = 0;
};

Parsed row_of(const CsvLayout& layout, std::string_view row) {
  Parsed p;
  p.status = parse_row(layout, row, &p.value, &p.time_ns);
  return p;
}

CsvLayout layout_of(std::string_view names, std::string_view types) {
  Result<CsvLayout> layout = parse_header(names, types, "T");
  EXPECT_TRUE(layout.ok()) << layout.status().message();
  return *layout;
}

TEST(Csv, SplitsCellsAtCommasAndTakesQuotesOff) {
  EXPECT_THAT(*split_row("a,b,c"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*split_row("a, b ,c\r"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*split_row("\"a,b\",\"\",c"), ElementsAre("a,b", "", "c"));
  EXPECT_THAT(*split_row(""), ElementsAre(""));
  EXPECT_THAT(*split_row("a,"), ElementsAre("a", ""));
  EXPECT_THAT(*split_row("a, \"b,c\" ,d"), ElementsAre("a", "b,c", "d"));
  EXPECT_THAT(*split_row("a,b;\"c;d\"; e", ';'), ElementsAre("a,b", "c;d", "e"));
  EXPECT_THAT(*split_row("a\t\t b \t", '\t'), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(*split_row("  a   \"b c\"\td  ", ' '), ElementsAre("a", "b c", "d"));
  EXPECT_FALSE(split_row("\"a,b").ok());
  EXPECT_FALSE(split_row("\"a\"b c", ' ').ok());
  EXPECT_THAT(split_row(std::string(kMaxCsvColumns, ',')).status().message(), HasSubstr("more than 16384"));
  EXPECT_FALSE(split_row("\"a\"b,c").ok());
}

TEST(Csv, LaysColumnsOutAsACCompilerDoes) {
  struct Sample {
    uint64_t timestamp;
    bool armed;
    float q[4];
    uint8_t counter;
    double x;
    int16_t tail;
  };
  const CsvLayout layout = layout_of("timestamp,armed,q[0],q[1],q[2],q[3],counter,x,tail",
                                     "uint64_t,bool,float,float,float,float,uint8_t,double,int16_t");
  EXPECT_EQ(layout.schema.size, sizeof(Sample));
  ASSERT_EQ(layout.schema.fields.size(), 6u);
  EXPECT_EQ(layout.schema.fields[2], (Field{"q", Type::kF32, offsetof(Sample, q), 4, ""}));
  const Parsed row = row_of(layout, "12,true,1,nan,-INF,1e-3,255,-2.5,-32768");
  ASSERT_TRUE(row.status.ok()) << row.status.message();
  EXPECT_EQ(row.time_ns, 12'000);
  Sample sample;
  memcpy(&sample, row.value.data(), sizeof sample);
  EXPECT_EQ(sample.timestamp, 12u);
  EXPECT_EQ(sample.armed, true);
  EXPECT_EQ(sample.q[0], 1);
  EXPECT_TRUE(std::isnan(sample.q[1]));
  EXPECT_EQ(sample.q[2], -INFINITY);
  EXPECT_EQ(sample.q[3], 1e-3f);
  EXPECT_EQ(sample.counter, 255);
  EXPECT_EQ(sample.x, -2.5);
  EXPECT_EQ(sample.tail, -32768);
}

TEST(Csv, LeavesPaddingZeroWhateverTheRowBefore) {
  const CsvLayout layout = layout_of("timestamp,a,b", "uint64_t,uint8_t,uint32_t");
  std::vector<std::byte> value(16, std::byte{0xff});
  int64_t ns = 0;
  ASSERT_TRUE(parse_row(layout, "1,2,3", &value, &ns).ok());
  EXPECT_THAT(std::vector<std::byte>(value.begin() + 9, value.begin() + 12),
              ElementsAre(std::byte{0}, std::byte{0}, std::byte{0}));
}

TEST(Csv, MakesAnArrayOnlyOfAFullRunOfOneType) {
  const CsvLayout layout = layout_of("timestamp,a[0],a[1],b[1],c[0],c[1],d[0].x[0],d[0].x[1]",
                                     "uint64_t,float,float,float,float,double,uint8_t,uint8_t");
  std::vector<std::string> fields;
  for (const Field& f : layout.schema.fields) fields.push_back(f.name + "*" + std::to_string(f.count));
  EXPECT_THAT(fields, ElementsAre("timestamp*1", "a*2", "b[1]*1", "c[0]*1", "c[1]*1", "d[0].x*2"));
}

TEST(Csv, TakesEachTypesWholeRangeAndNothingBeyond) {
  const struct {
    const char* type;
    std::vector<const char*> good, bad;
  } kTable[] = {
      {"bool", {"0", "1", "true", "FALSE"}, {"2", "", "yes", "-1"}},
      {"int8_t", {"-128", "127", "+1"}, {"-129", "128", "1.0", "", "0x1", "--1", "+-1"}},
      {"uint8_t", {"0", "255"}, {"-1", "256", "1e2"}},
      {"int16_t", {"-32768", "32767"}, {"-32769", "32768"}},
      {"uint16_t", {"65535"}, {"65536"}},
      {"int32_t", {"-2147483648", "2147483647"}, {"2147483648"}},
      {"uint32_t", {"4294967295"}, {"4294967296", "-0.0"}},
      {"int64_t", {"-9223372036854775808", "9223372036854775807"}, {"9223372036854775808"}},
      {"uint64_t", {"18446744073709551615"}, {"18446744073709551616", "-1"}},
      {"float",
       {"nan", "NaN", "inf", "-Inf", "1e-60", "3.4028235e38", ".5"},
       {"1e39", "x", "1 2", "1.5e", ""}},
      {"double", {"1e-400", "1e308", "NAN"}, {"1e309", "-1e400", "nanx"}},
      {"char", {"a", "65", "-1", "255"}, {"ab", "256", ""}},
  };
  for (const auto& row : kTable) {
    const CsvLayout layout = layout_of("timestamp,x", std::string("uint64_t,") + row.type);
    for (const char* cell : row.good) {
      EXPECT_EQ(row_of(layout, std::string("1,") + cell).status.message(), "") << row.type << " " << cell;
    }
    for (const char* cell : row.bad) {
      const Parsed parsed = row_of(layout, std::string("1,") + cell);
      EXPECT_EQ(parsed.status.code(), Code::kInvalid) << row.type << " " << cell;
      EXPECT_THAT(parsed.status.message(), StartsWith("column 2: ")) << row.type << " " << cell;
    }
  }
}

TEST(Csv, RefusesARowWithAnotherNumberOfColumnsOrAnImpossibleTime) {
  const CsvLayout layout = layout_of("timestamp,x", "uint64_t,int8_t");
  EXPECT_EQ(row_of(layout, "1").status.message(), "1 columns instead of 2");
  EXPECT_EQ(row_of(layout, "1,2,3").status.message(), "3 columns instead of 2");
  EXPECT_THAT(row_of(layout, "9223372036854776,0").status.message(),
              HasSubstr("nanoseconds do not fit 64 bits"));
  EXPECT_EQ(row_of(layout, "9223372036854775,0").time_ns, 9223372036854775000);
  EXPECT_EQ(row_of(layout_of("timestamp", "int32_t"), "-5").time_ns, -5'000);
}

TEST(Csv, RefusesAHeaderThatIsNoneWithTheReason) {
  const struct {
    const char *names, *types, *reason;
  } kTable[] = {{"timestamp,a", "uint64_t", "2 column names and 1 C types"},
                {"timestamp,a", "uint64_t,int", "\"int\" is no C type"},
                {"a", "float", "no column \"timestamp\""},
                {"timestamp", "float", "no integer"},
                {"timestamp,a,a", "uint64_t,int8_t,int8_t", "\"a\" is twice there"},
                {"timestamp,a b", "uint64_t,int8_t", "white space"},
                {"timestamp,", "uint64_t,int8_t", ""},
                {"", "", "is no C type"},
                {"\"timestamp", "uint64_t", "a quote does not close"}};
  std::string names = "timestamp", types = "uint64_t";
  for (int i = 0; i < 300; ++i) names += ",t" + std::to_string(i), types += ",char[65536]";
  EXPECT_THAT(parse_header(names, types, "T").status().message(), HasSubstr("more than 16 MiB"));
  for (const auto& row : kTable) {
    Result<CsvLayout> layout = parse_header(row.names, row.types, "T");
    ASSERT_FALSE(layout.ok()) << row.names;
    EXPECT_EQ(layout.status().code(), Code::kInvalid);
    EXPECT_THAT(layout.status().message(), HasSubstr(row.reason));
  }
}

TEST(Csv, TellsARowOfTypesFromOneOfValues) {
  for (const char* row : {"uint64_t,float", "double", "int8_t,int", "char[8],bool"}) {
    EXPECT_TRUE(is_type_row(row)) << row;
  }
  for (const char* row : {"", "1,2", "foo,bar", "float,1", "float,", "\"float"}) {
    EXPECT_FALSE(is_type_row(row)) << row;
  }
}

TEST(Csv, NamesTopicAndTypeAfterTheFile) {
  EXPECT_EQ(name_from_file("A.CSV").topic, "A");
  EXPECT_EQ(name_from_file("poses.0.txt").topic, "poses/0");
  EXPECT_EQ(name_from_file("sp ace.csv").topic, "sp ace");
  EXPECT_EQ(name_from_file("sp ace.csv").type, "sp_ace");
  EXPECT_EQ(name_from_file("vehicle_attitude.0.csv").topic, "vehicle_attitude/0");
  EXPECT_EQ(name_from_file("vehicle_attitude.0.csv").type, "vehicle_attitude");
  EXPECT_EQ(name_from_file("gps.csv").topic, "gps");
  EXPECT_EQ(name_from_file("a.b.12.csv").topic, "a.b/12");
  EXPECT_EQ(name_from_file("a.b.csv").topic, "a.b");
  EXPECT_EQ(name_from_file(".5.csv").topic, ".5");
  EXPECT_EQ(name_from_file("arm/left.csv").topic, "arm/left");
  EXPECT_EQ(name_from_file("arm/left.csv").type, "left");
  EXPECT_EQ(name_from_file("arm.v2/left.0.csv").topic, "arm.v2/left/0");
  EXPECT_EQ(name_from_file("arm.2/left.csv").topic, "arm.2/left");
  for (const char* topic :
       {"gps", "gps/0", "arm/left", "arm/left/12", "a.b", "a.1/2", "0", "a b/ü", "A.CSV", "a.txt", "._a"}) {
    const Result<std::string> file = file_from_name(topic);
    ASSERT_TRUE(file.ok()) << file.status().message();
    EXPECT_EQ(name_from_file(*file).topic, topic);
  }
}

TEST(Csv, ColumnsOfTextHoldQuotesAndAreBounded) {
  const CsvLayout layout =
      layout_of("timestamp,mode,x,mode[0],mode[1]", "int64_t,char[4],int8_t,char[2],char[2]");
  EXPECT_EQ(
      layout.schema.text(),
      "T 24\ntimestamp i64 0 1 us\nmode char 8 4 -\nx i8 12 1 -\nmode[0] char 13 2 -\nmode[1] char 15 2 -\n");
  const Parsed row = row_of(layout, R"(1,"a""b,",-1,,xy)");
  ASSERT_TRUE(row.status.ok()) << row.status.message();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(row.value.data()) + 8, 9),
            std::string("a\"b,\xff\0\0xy", 9));
  EXPECT_THAT(row_of(layout, "1,abcde,1,,").status.message(), HasSubstr("more than 4 bytes"));
  for (const char* type : {"char[0]", "char[]", "char[-1]", "char[4", "char[9999999999]", "char[65537]"}) {
    EXPECT_FALSE(parse_header("timestamp,a", std::string("int64_t,") + type, "T").ok()) << type;
  }
}

TEST(Csv, SurvivesRandomText) {
  const CsvLayout layout = layout_of("timestamp,a,b[0],b[1],c", "uint64_t,double,float,float,char");
  std::mt19937 random(1);
  const std::string_view letters = "0123456789,,,,.-+eEnaifNIx\"\r[] \t\xff";
  int good = 0;
  for (int i = 0; i < 100000; ++i) {
    std::string text(random() % 24, ' ');
    for (char& c : text) c = letters[random() % letters.size()];
    good += row_of(layout, i % 2 == 0 ? text : "1,2,3,4," + text).status.ok();
    (void)parse_header("timestamp," + text, "uint64_t,float,float", "T").ok();
    (void)parse_header("timestamp,a,b", text, "T").ok();
  }
  EXPECT_GT(good, 100);
}

}  // namespace
}  // namespace smt::cmd
