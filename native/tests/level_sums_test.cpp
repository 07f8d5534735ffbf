#include "rssfix/level_sums.hpp"

#include <cmath>

#include "levels.hpp"

using namespace rssfix;

TEST_CASE("level_sums.adds_each_maps_table_at_its_level") {
  const std::uint8_t levels[] = {0, 255, 7, 7, 0, 1};
  std::vector<float> tables(2 * level_count, 0.0f);
  tables[0] = 1;
  tables[255] = 2;
  tables[7] = 4;
  tables[level_count + 7] = 8;
  tables[level_count] = 16;
  tables[level_count + 1] = 32;
  float sums[3];
  REQUIRE(level_sums(levels, 2, 3, tables.data(), sums).ok());
  CHECK(sums[0] == 1 + 8);
  CHECK(sums[1] == 2 + 16);
  CHECK(sums[2] == 4 + 32);
}

TEST_CASE("level_sums.covers_more_cells_than_a_block") {
  for (const std::size_t cells : {1U, 2047U, 2048U, 2049U, 10000U}) {
    std::vector<std::uint8_t> levels(3 * cells);
    for (std::size_t i = 0; i < levels.size(); ++i)
      levels[i] = static_cast<std::uint8_t>(i * 37 % 251);
    const std::vector<float> tables = random_dbm(3 * level_count);
    std::vector<float> sums(cells, NAN);
    REQUIRE(level_sums(levels.data(), 3, cells, tables.data(), sums.data()).ok());
    for (std::size_t c = 0; c < cells; ++c) {
      double sum = 0;
      for (std::size_t m = 0; m < 3; ++m)
        sum += static_cast<double>(tables[m * level_count + levels[m * cells + c]]);
      CHECK(static_cast<double>(sums[c]) == doctest::Approx(sum).epsilon(1e-6));
    }
  }
}

TEST_CASE("level_sums.refuses_wrong_values") {
  const std::uint8_t levels[4] = {};
  std::vector<float> tables(2 * level_count, 0.0f);
  float sums[2];
  CHECK(level_sums(levels, 0, 2, tables.data(), sums).code == Code::empty);
  CHECK(level_sums(levels, 2, 0, tables.data(), sums).argument == Argument::maps);
  for (const float wrong : {NAN, INFINITY, -INFINITY}) {
    tables[300] = wrong;
    const Status status = level_sums(levels, 2, 2, tables.data(), sums);
    CHECK(status.code == Code::not_finite);
    CHECK(status.argument == Argument::tables);
    CHECK(status.index == 300);
  }
}
