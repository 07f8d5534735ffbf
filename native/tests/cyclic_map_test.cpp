#include "rssfix/cyclic_map.hpp"

#include <cmath>

#include "levels.hpp"

using namespace rssfix;

TEST_CASE("cyclic_map.turns_each_row_by_one_more") {
  const float rssi[] = {-1, -2, -3};
  float map[9];
  REQUIRE(cyclic_map(rssi, 1, 3, map).ok());
  const float expected[] = {-1, -2, -3, -3, -1, -2, -2, -3, -1};
  for (int i = 0; i < 9; ++i)
    CHECK(map[i] == expected[i]);
}

TEST_CASE("cyclic_map.a_batch_is_its_members") {
  const auto rssi = random_dbm(3 * 21);
  std::vector<float> batch(3 * 21 * 21);
  std::vector<float> one(21 * 21);
  REQUIRE(cyclic_map(rssi.data(), 3, 21, batch.data()).ok());
  for (std::size_t b = 0; b < 3; ++b) {
    REQUIRE(cyclic_map(rssi.data() + b * 21, 1, 21, one.data()).ok());
    CHECK(std::equal(one.begin(), one.end(), batch.begin() + static_cast<long>(b * one.size())));
  }
}

TEST_CASE("cyclic_map.names_the_first_value_that_is_not_finite") {
  float rssi[] = {-1, -2, NAN, INFINITY};
  float map[16];
  const Status status = cyclic_map(rssi, 1, 4, map);
  CHECK(status.code == Code::not_finite);
  CHECK(status.argument == Argument::rssi);
  CHECK(status.index == 2);
  CHECK(cyclic_map(rssi, 1, 0, map).code == Code::empty);
  CHECK(cyclic_map(rssi, 0, 4, map).ok());
}
