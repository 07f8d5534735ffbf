#include "rssfix/diagonal_mean.hpp"

#include <cmath>

#include "levels.hpp"
#include "rssfix/cyclic_map.hpp"

using namespace rssfix;

TEST_CASE("diagonal_mean.undoes_cyclic_map_to_the_bit") {
  at_every_level([] {
    for (const std::size_t n : {1U, 2U, 3U, 17U, 64U, 255U, 256U, 257U, 600U}) {
      CAPTURE(n);
      const auto rssi = random_dbm(n);
      std::vector<float> map(n * n);
      std::vector<float> scores(n);
      REQUIRE(cyclic_map(rssi.data(), 1, n, map.data()).ok());
      REQUIRE(diagonal_mean(map.data(), 1, n, scores.data()).ok());
      CHECK(scores == rssi);
    }
  });
}

TEST_CASE("diagonal_mean.averages_to_the_mean_of_the_map") {
  const auto map = random_dbm(19 * 19);
  float scores[19];
  REQUIRE(diagonal_mean(map.data(), 1, 19, scores).ok());
  double of_map = 0;
  double of_scores = 0;
  for (const float value : map)
    of_map += static_cast<double>(value) / (19 * 19);
  for (const float value : scores)
    of_scores += static_cast<double>(value) / 19;
  CHECK(of_scores == doctest::Approx(of_map).epsilon(1e-7));
}

TEST_CASE("diagonal_mean.names_the_value_that_is_not_finite") {
  auto maps = random_dbm(2 * 9);
  float scores[6];
  maps[13] = INFINITY;
  const Status status = diagonal_mean(maps.data(), 2, 3, scores);
  CHECK(status.code == Code::not_finite);
  CHECK(status.argument == Argument::maps);
  CHECK(status.index == 13);
  CHECK(diagonal_mean(maps.data(), 1, 0, scores).code == Code::empty);
}
