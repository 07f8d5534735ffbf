#include "rssfix/level_sums.hpp"

#include <cmath>

#include "levels.hpp"

using namespace rssfix;

TEST_CASE("level_sums.adds_each_maps_table_at_its_level") {
  const std::uint16_t maps[] = {0, 299, 7, 7, 0, 1};
  std::vector<float> tables(2 * 300, 0.0f);
  tables[0] = 1;
  tables[299] = 2;
  tables[7] = 4;
  tables[300 + 7] = 8;
  tables[300] = 16;
  tables[300 + 1] = 32;
  float sums[3];
  REQUIRE(level_sums(maps, 2, 3, tables.data(), 300, sums).ok());
  CHECK(sums[0] == 1 + 8);
  CHECK(sums[1] == 2 + 16);
  CHECK(sums[2] == 4 + 32);
}

TEST_CASE("level_sums.covers_any_number_of_maps_levels_and_cells") {
  for (const std::size_t levels : {2U, 256U, 2048U, 65536U})
    for (const std::size_t count : {1U, 3U, 4U, 9U})
      for (const std::size_t cells : {1U, 2047U, 2049U, 5000U}) {
        CAPTURE(levels);
        CAPTURE(count);
        CAPTURE(cells);
        std::vector<std::uint16_t> maps(count * cells);
        for (std::size_t i = 0; i < maps.size(); ++i)
          maps[i] = static_cast<std::uint16_t>(i * 40503 % levels);
        const std::vector<float> tables = random_dbm(count * levels);
        std::vector<float> sums(cells, NAN);
        REQUIRE(level_sums(maps.data(), count, cells, tables.data(), levels, sums.data()).ok());
        std::size_t wrong = 0;
        for (std::size_t c = 0; c < cells; ++c) {
          float sum = 0;
          for (std::size_t m = 0; m < count; ++m)
            sum += tables[m * levels + maps[m * cells + c]];
          wrong += static_cast<std::size_t>(sums[c] != sum);
        }
        CHECK(wrong == 0);
      }
}

TEST_CASE("level_sums.refuses_a_level_that_no_table_has") {
  constexpr std::size_t cells = 5000;
  std::vector<std::uint16_t> maps(3 * cells, 99);
  const std::vector<float> tables(3 * 100, 0.0f);
  std::vector<float> sums(cells);
  at_every_level([&] {
    for (const std::size_t place : {0U, 1U, 2048U, 4999U, 7200U, 14999U})
      for (const int level : {100, 32768, 65535}) {
        maps[place] = static_cast<std::uint16_t>(level);
        const Status status = level_sums(maps.data(), 3, cells, tables.data(), 100, sums.data());
        CHECK(status.code == Code::out_of_range);
        CHECK(status.argument == Argument::maps);
        CHECK(status.index == place);
        maps[place] = 99;
      }
    CHECK(level_sums(maps.data(), 3, cells, tables.data(), 100, sums.data()).ok());
  });
}

TEST_CASE("level_sums.refuses_wrong_values") {
  const std::uint16_t maps[4] = {};
  std::vector<float> tables(2 * 256, 0.0f);
  float sums[2];
  CHECK(level_sums(maps, 0, 2, tables.data(), 256, sums).code == Code::empty);
  CHECK(level_sums(maps, 2, 0, tables.data(), 256, sums).argument == Argument::maps);
  for (const std::size_t levels : {std::size_t{0}, std::size_t{1}, most_levels + 1, SIZE_MAX}) {
    const Status status = level_sums(maps, 2, 2, tables.data(), levels, sums);
    CHECK(status.code == Code::out_of_range);
    CHECK(status.argument == Argument::tables);
  }
  for (const float wrong : {NAN, INFINITY, -INFINITY}) {
    tables[300] = wrong;
    const Status status = level_sums(maps, 2, 2, tables.data(), 256, sums);
    CHECK(status.code == Code::not_finite);
    CHECK(status.argument == Argument::tables);
    CHECK(status.index == 300);
  }
}
