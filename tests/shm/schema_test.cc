// What a C++ type says of itself, and what a text from elsewhere may say.
#include "shm/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "shm/describe.h"
#include "shm/fields.h"
#include "shm/scalar.h"

namespace robot {

enum class Gait : uint16_t { kStand, kWalk };

struct Point {
  double x, y, z;
};
SMT_FIELDS(Point, x, y, z)
SMT_UNITS(Point, {"x", "m"}, {"y", "m"}, {"z", "m"})

struct Leg {
  Point foot;
  float torque[3];
  bool contact;
};
SMT_FIELDS(Leg, foot, torque, contact)

struct Walker {
  char name[16];
  Gait gait;
  std::array<Leg, 2> legs;
  double inertia[2][3];
};
SMT_FIELDS(Walker, name, gait, legs, inertia)
SMT_UNITS(Walker, {"legs.0.torque", "Nm"})

struct Scalars {
  bool a;
  char b;
  int8_t c;
  uint8_t d;
  int16_t e;
  uint16_t f;
  int32_t g;
  uint32_t h;
  int64_t i;
  uint64_t j;
  float k;
  double l;
  long long m;
  std::byte n;
};
SMT_FIELDS(Scalars, a, b, c, d, e, f, g, h, i, j, k, l, m, n)

struct Reordered {
  int32_t first, second;
};
SMT_FIELDS(Reordered, second, first)

}  // namespace robot

namespace described {

enum class Gait : uint16_t { kStand, kWalk };
struct Point {
  double x, y, z;
};
BOOST_DESCRIBE_STRUCT(Point, (), (x, y, z))
SMT_UNITS(Point, {"x", "m"}, {"y", "m"}, {"z", "m"})
struct Leg {
  Point foot;
  float torque[3];
  bool contact;
};
BOOST_DESCRIBE_STRUCT(Leg, (), (foot, torque, contact))
struct Walker {
  char name[16];
  Gait gait;
  std::array<Leg, 2> legs;
  double inertia[2][3];
};
BOOST_DESCRIBE_STRUCT(Walker, (), (name, gait, legs, inertia))
SMT_UNITS(Walker, {"legs.0.torque", "Nm"})

struct Stamped {
  int64_t stamp;
};
BOOST_DESCRIBE_STRUCT(Stamped, (), (stamp))
struct Reading : Stamped {
  float value;
};
BOOST_DESCRIBE_STRUCT(Reading, (Stamped), (value))

}  // namespace described

// 256 members: as many as SMT_FIELDS takes.
#define SMT_TEN_OF(p) p##0, p##1, p##2, p##3, p##4, p##5, p##6, p##7, p##8, p##9
#define SMT_MEMBERS                                                                                         \
  SMT_TEN_OF(a), SMT_TEN_OF(b), SMT_TEN_OF(c), SMT_TEN_OF(d), SMT_TEN_OF(e), SMT_TEN_OF(f), SMT_TEN_OF(g),  \
      SMT_TEN_OF(h), SMT_TEN_OF(i), SMT_TEN_OF(j), SMT_TEN_OF(k), SMT_TEN_OF(l), SMT_TEN_OF(m),             \
      SMT_TEN_OF(n), SMT_TEN_OF(o), SMT_TEN_OF(p), SMT_TEN_OF(q), SMT_TEN_OF(r), SMT_TEN_OF(s),             \
      SMT_TEN_OF(t), SMT_TEN_OF(u), SMT_TEN_OF(v), SMT_TEN_OF(w), SMT_TEN_OF(x), SMT_TEN_OF(y), z0, z1, z2, \
      z3, z4, z5
struct Wide {
  uint8_t SMT_MEMBERS;
};
SMT_FIELDS(Wide, SMT_MEMBERS)

namespace smt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(SchemaOf, FlattensNestedStructsAndTheirArrays) {
  EXPECT_EQ(schema_of<robot::Walker>().text(),
            "Walker 152\n"
            "name char 0 16 -\n"
            "gait u16 16 1 -\n"
            "legs.0.foot.x f64 24 1 m\n"
            "legs.0.foot.y f64 32 1 m\n"
            "legs.0.foot.z f64 40 1 m\n"
            "legs.0.torque f32 48 3 Nm\n"
            "legs.0.contact bool 60 1 -\n"
            "legs.1.foot.x f64 64 1 m\n"
            "legs.1.foot.y f64 72 1 m\n"
            "legs.1.foot.z f64 80 1 m\n"
            "legs.1.torque f32 88 3 -\n"
            "legs.1.contact bool 100 1 -\n"
            "inertia.0 f64 104 3 -\n"
            "inertia.1 f64 128 3 -\n");
  EXPECT_TRUE(schema_of<robot::Walker>().check().ok());
}

TEST(SchemaOf, NamesEachScalarByItsWidth) {
  std::string types;
  for (const Field& f : schema_of<robot::Scalars>().fields) types += std::string(name_of(f.type)) + " ";
  EXPECT_EQ(types, "bool char i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 i64 u8 ");
}

TEST(SchemaOf, OrdersFieldsByOffsetHoweverTheyAreListed) {
  EXPECT_EQ(schema_of<robot::Reordered>().text(), "Reordered 8\nfirst i32 0 1 -\nsecond i32 4 1 -\n");
}

TEST(SchemaOf, TakesStructsOf256Members) {
  const Schema schema = schema_of<Wide>();
  ASSERT_EQ(schema.fields.size(), 256u);
  EXPECT_EQ(schema.fields[255].name, "z5");
  EXPECT_EQ(schema.fields[255].offset, 255u);
}

TEST(SchemaOf, OfScalarsAndArraysIsWhatParseGives) {
  EXPECT_EQ(schema_of<double>(), *Schema::parse("f64"));
  EXPECT_EQ(schema_of<bool>(), *Schema::parse("bool"));
  EXPECT_EQ((schema_of<std::array<float, 3>>()), *Schema::parse("f32[3]"));
  EXPECT_EQ((schema_of<std::array<float, 1>>()), *Schema::parse("f32[1]"));
  EXPECT_EQ((schema_of<char[32]>()), *Schema::parse("char[32]"));
  EXPECT_NE(*Schema::parse("f32[1]"), *Schema::parse("f32"));
}

TEST(SchemaOf, IsTheSameForBoostDescribeAndTheMacro) {
  EXPECT_EQ(schema_of<described::Walker>().text(), schema_of<robot::Walker>().text());
  EXPECT_EQ(schema_of<described::Walker>().hash(), schema_of<robot::Walker>().hash());
}

TEST(SchemaOf, HasTheMembersOfDescribedBaseClasses) {
  EXPECT_EQ(schema_of<described::Reading>().text(), "Reading 16\nstamp i64 0 1 -\nvalue f32 8 1 -\n");
}

TEST(Schema, UnitsAreSetByNameAndUnknownNamesAreIgnored) {
  const Schema schema = with_units(schema_of<robot::Reordered>(), {{"second", "m/s^2"}, {"third", "K"}});
  EXPECT_EQ(schema.field("second")->unit, "m/s^2");
  EXPECT_EQ(schema.field("first")->unit, "");
  EXPECT_EQ(schema.field("third"), nullptr);
  EXPECT_NE(schema.hash(), schema_of<robot::Reordered>().hash());
}

TEST(Schema, HashIsFnv1aOfTheText) {
  // Fixed for ever: segments and peers hold it.
  EXPECT_EQ(Schema::bytes().text(), "bytes 0\n");
  EXPECT_EQ(Schema::bytes().hash(), 0xe7f059eaf974689aull);
}

TEST(Schema, TypeNamesReadBackAndOthersAreRefused) {
  for (int i = 0; i <= static_cast<int>(Type::kChar); ++i) {
    Type type = Type::kBool;
    ASSERT_TRUE(type_from_name(name_of(static_cast<Type>(i)), &type));
    EXPECT_EQ(type, static_cast<Type>(i));
  }
  Type type;
  for (const char* name : {"", "f6", "f644", "F64", "double", "bytes"})
    EXPECT_FALSE(type_from_name(name, &type)) << name;
}

TEST(Schema, ParseRefusesWhatIsNoType) {
  for (const char* type : {"", "f65", "f64[", "f64[]", "f64[0]", "f64[-1]", "f64[3", "f64[3]x", "f64[ 3]",
                           "f64[4294967296]", "[3]", "bytes[3]", "string[3]", "f64[3][3]"}) {
    const Result<Schema> schema = Schema::parse(type);
    ASSERT_FALSE(schema.ok()) << type;
    EXPECT_EQ(schema.status().code(), Code::kInvalid);
    EXPECT_THAT(schema.status().message(), HasSubstr("use bytes, string, bool, i8"));
  }
}

TEST(Schema, HostileTextIsRefusedWithTheReason) {
  std::string many = "Big 20000\n";
  for (int i = 0; i < 16385; ++i) {
    const std::string n = std::to_string(i);
    many.append("f").append(n).append(" u8 ").append(n).append(" 1 -\n");
  }
  struct {
    std::string text, why;
  } const table[] = {
      {"", "line 1"},
      {"Pose 8", "line 1"},
      {"Pose\n", "line 1"},
      {"Pose eight\n", "line 1"},
      {"Pose -8\n", "line 1"},
      {"Pose 8 8\n", "line 1"},
      {"Pose 99999999999999999999\n", "line 1"},
      {" 8\n", "type name is empty"},
      {"Po\tse 8\n", "white space"},
      {std::string("Po\0se 8\n", 8), "white space"},
      {"Po\x1b[31mse 8\n", "white space"},
      {"Pose 8\nx f64 0 1 -", "line 2"},
      {"Pose 8\nx f64 0 1\n", "line 2"},
      {"Pose 8\nx f65 0 1 -\n", "line 2"},
      {"Pose 8\nx f64 0x0 1 -\n", "line 2"},
      {"Pose 8\nx f64 0 1 -\n\n", "line 3"},
      {"Pose 8\nx f64 4294967296 1 -\n", "line 2"},
      {"Pose 8\nx f64 0 4294967296 -\n", "line 2"},
      {"Pose 8\nx f64 0 1 m s\n", "unit of `x`"},
      {"Pose 8\nx f64 0 0 -\n", "`x` covers bytes 0 to 0 of a value of 8"},
      {"Pose 8\nx f64 4 1 -\n", "`x` covers bytes 4 to 12 of a value of 8"},
      {"Pose 8\nx f64 4294967295 4294967295 -\n", "of a value of 8"},
      {"Pose 0\nx f64 0 1 -\n", "of a value of 0"},
      {"Pose 16\ny f64 8 1 -\nx f64 0 1 -\n", "`x` is not in order of offset"},
      {"Pose 16\nx f64 0 1 -\nx f64 8 1 -\n", "two fields are named `x`"},
      {"Pose 16\n f64 0 1 -\n", "name is empty"},
      {"Pose 016\nx f64 0 1 -\n", "one way"},
      {"Pose 16\nx f64 00 1 -\n", "one way"},
      {"Pose 16\nx f64 0 1 \n", "one way"},
      {many, "more than 16384 fields"},
      {"Pose 8\n" + std::string(1 << 20, 'x'), "longer than 1 MiB"},
  };
  for (const auto& row : table) {
    const Result<Schema> schema = Schema::from_text(row.text);
    ASSERT_FALSE(schema.ok()) << row.text.substr(0, 80);
    EXPECT_EQ(schema.status().code(), Code::kDamaged);
    EXPECT_THAT(schema.status().message(), HasSubstr(row.why)) << row.text.substr(0, 80);
  }
}

TEST(Schema, FieldsMayOverlapAsInAUnion) {
  EXPECT_TRUE(Schema::from_text("Union 8\nraw u8 0 8 -\nword u64 0 1 -\n").ok());
}

TEST(Schema, RandomSchemasReadBackFromTheirText) {
  std::mt19937 random(1);
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  for (int round = 0; round < 500; ++round) {
    Schema schema{std::string("T").append(std::to_string(round)), 0, {}};
    const uint32_t fields = below(40);
    for (uint32_t i = 0; i < fields; ++i) {
      Field f{std::string("f").append(std::to_string(i)), static_cast<Type>(below(12)),
              static_cast<uint32_t>(schema.size) + below(9), 1 + below(5), below(2) ? "m/s" : ""};
      schema.size = f.offset + uint64_t{type_bytes(f.type)} * f.count;
      schema.fields.push_back(f);
    }
    const Result<Schema> back = Schema::from_text(schema.text());
    ASSERT_TRUE(back.ok()) << back.status().message() << "\n" << schema.text();
    ASSERT_EQ(*back, schema);
    ASSERT_EQ(back->hash(), schema.hash());
  }
}

TEST(Schema, ScribbledTextIsRefusedOrMeansSomethingElse) {
  const std::string text = schema_of<robot::Walker>().text();
  std::mt19937 random(2);
  for (int round = 0; round < 20000; ++round) {
    std::string scribbled = text;
    for (uint32_t n = 1 + random() % 3; n > 0; --n)
      scribbled[random() % text.size()] = static_cast<char>(random());
    if (random() % 4 == 0) scribbled.resize(random() % text.size());
    const Result<Schema> schema = Schema::from_text(scribbled);
    if (schema.ok()) {
      ASSERT_EQ(schema->text(), scribbled);
    }
  }
}

TEST(SchemaDiff, IsEmptyForEqualSchemas) {
  EXPECT_EQ(schema_diff(schema_of<robot::Walker>(), schema_of<described::Walker>()), "");
}

TEST(SchemaDiff, NamesTheFirstFieldThatDiffersInItsFirstLine) {
  const Schema expected = *Schema::from_text("Pose 24\nx f64 0 1 m\nvx f64 16 1 m/s\n");
  struct {
    const char *found, *line;
  } const table[] = {
      {"Pose 24\nx f64 0 1 m\nvx f64 8 1 m/s\n", "`vx` at 8, expected 16\n"},
      {"Pose 24\nx f64 0 1 m\nvx f32 16 1 m/s\n", "`vx` is f32, expected f64\n"},
      {"Pose 32\nx f64 0 1 m\nvx f64 16 2 m/s\n", "`vx` is f64[2], expected f64\n"},
      {"Pose 24\nx f64 0 1 m\nvx f64 16 1 km/h\n", "`vx` in \"km/h\", expected \"m/s\"\n"},
      {"Pose 24\nx f64 0 1 m\nvy f64 16 1 m/s\n", "`vy` at 16, expected `vx`\n"},
      {"Pose 24\nx f64 0 1 m\n", "`vx` is missing\n"},
      {"Pose 32\nx f64 0 1 m\nvx f64 16 1 m/s\nvy f64 24 1 m/s\n", "`vy` at 24 is not expected\n"},
      {"Pose 32\nx f64 0 1 m\nvx f64 16 1 m/s\n", "size 32, expected 24\n"},
      {"Pose2 24\nx f64 0 1 m\nvx f64 16 1 m/s\n", "type Pose2, expected Pose\n"},
      {"Imu 24\nax f64 0 1 m\nvx f64 16 1 m/s\n", "type Imu, expected Pose; `ax` at 0, expected `x`\n"},
      {"bytes 0\n", "type bytes, expected Pose; `x` is missing\n"},
  };
  for (const auto& row : table) {
    const Result<Schema> found = Schema::from_text(row.found);
    ASSERT_TRUE(found.ok()) << found.status().message();
    EXPECT_THAT(schema_diff(expected, *found), StartsWith(row.line));
  }
}

TEST(SchemaDiff, ShowsBothLayoutsSideBySide) {
  const Schema expected = *Schema::from_text("Pose 24\nx f64 0 1 m\nvx f64 16 1 m/s\n");
  const Schema found = *Schema::from_text("Pose 16\nx f64 0 1 m\nvx f64 8 1 °/s\n");
  EXPECT_EQ(schema_diff(expected, found),
            "`vx` at 8, expected 16\n"
            "  expected: Pose, 24 bytes   found: Pose, 16 bytes\n"
            "  0 x f64 m                  0 x f64 m\n"
            "  16 vx f64 m/s              8 vx f64 °/s");
}

TEST(SchemaDiff, OfLongSchemasShowsThePlaceThatDiffers) {
  Schema expected = schema_of<Wide>(), found = expected;
  found.fields[200].type = Type::kI8;
  const std::string diff = schema_diff(expected, found);
  EXPECT_THAT(diff, AllOf(StartsWith("`u0` is i8, expected u8\n"),
                          HasSubstr("  200 u0 u8                   200 u0 i8\n")));
  EXPECT_LT(std::count(diff.begin(), diff.end(), '\n'), 32);
}

TEST(Scalar, EachTypeIsVisitedAsTheCppTypeOfItsSizeAndKind) {
  for (int i = 0; i <= static_cast<int>(Type::kChar); ++i) {
    const auto type = static_cast<Type>(i);
    const std::string name(name_of(type));
    const size_t bytes = visit_scalar(type, [](auto zero) { return sizeof zero; });
    EXPECT_EQ(bytes, type_bytes(type)) << name;
    const Type same = visit_scalar(type, []<class T>(T) { return internal::type_of<T>(); });
    EXPECT_EQ(same, type) << name;
    EXPECT_EQ(is_float(type), name[0] == 'f') << name;
    EXPECT_EQ(is_signed_integer(type), name[0] == 'i') << name;
    EXPECT_EQ(is_integer(type), name[0] == 'i' || name[0] == 'u') << name;
    EXPECT_EQ(is_number(type), is_integer(type) || is_float(type)) << name;
  }
}

}  // namespace
}  // namespace smt
