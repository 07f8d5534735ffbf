#include "rssfix/floor_features.hpp"

#include <cmath>

#include "levels.hpp"

using namespace rssfix;

namespace {

struct Found {
  Status status;
  std::int32_t start = -1;
  std::vector<float> features;

  float at(std::size_t floor, std::size_t kind) const {
    return features[floor * floor_feature_count + kind];
  }
};

Found features_of(const std::vector<float>& rssi_dbm, const std::vector<double>& ap_xy_m,
    const std::vector<std::int32_t>& ap_floor, std::size_t floors, std::size_t span = 4,
    double silent_dbm = -100) {
  Found found{{}, -1, std::vector<float>(span * floor_feature_count)};
  const InstalledAps aps{ap_xy_m.data(), ap_floor.data(), ap_floor.size(), floors};
  found.status = floor_features(
      rssi_dbm.data(), 1, aps, silent_dbm, span, &found.start, found.features.data());
  return found;
}

} // namespace

TEST_CASE("floor_features.one_floor_by_hand") {
  // 3-4-5 triangle; the fourth AP is silent 100 m away.
  const Found found =
      features_of({-40, -60, -60, NAN}, {0, 0, 3, 0, 0, 4, 100, 0}, {0, 0, 0, 0}, 1);
  REQUIRE(found.status.ok());
  CHECK(found.start == 0);
  const double mean = -160.0 / 3;
  CHECK(found.at(0, 0) == 3);
  CHECK(found.at(0, 1) == -40);
  CHECK(found.at(0, 2) == doctest::Approx(mean));
  CHECK(found.at(0, 3) == doctest::Approx(800.0 / 9));
  CHECK(found.at(0, 4) == doctest::Approx(mean));
  CHECK(found.at(0, 5) == doctest::Approx(mean));
  CHECK(found.at(0, 6) == doctest::Approx(mean));
  CHECK(found.at(0, 7) == 5);
  const float empty[] = {0, -100, -100, 0, -100, -100, -100, 0};
  for (std::size_t floor = 1; floor < 4; ++floor)
    for (std::size_t kind = 0; kind < floor_feature_count; ++kind)
      CHECK(found.at(floor, kind) == empty[kind]);
}

TEST_CASE("floor_features.silent_aps_count_inside_the_circle") {
  // Around (0, 0): one silent AP within 30 m, one more within 80 m.
  const Found found = features_of({-50, NAN, NAN}, {0, 0, 29, 0, 79, 0}, {0, 0, 0}, 1);
  REQUIRE(found.status.ok());
  CHECK(found.at(0, 4) == -75);
  CHECK(found.at(0, 5) == doctest::Approx(-250.0 / 3));
  CHECK(found.at(0, 6) == -50); // far = 0: only what stands at the centre
}

TEST_CASE("floor_features.range_has_the_largest_sum_and_the_rest_is_dropped") {
  const Found found = features_of({-40, -50, -90}, {0, 0, 1, 0, 500, 0}, {5, 6, 0}, 9);
  REQUIRE(found.status.ok());
  // Ranges from 3 to 5 hold both; the strongest is on 5: middles 4.5, 5.5, 6.5.
  CHECK(found.start == 3);
  CHECK(found.at(2, 0) == 1);
  CHECK(found.at(3, 0) == 1);
  CHECK(found.at(2, 6) == -40);
}

TEST_CASE("floor_features.all_silent_readings_centre_on_the_lowest_strongest") {
  const Found found = features_of({-100, -100, -101}, {0, 0, 1, 0, 2, 0}, {7, 8, 0}, 12);
  REQUIRE(found.status.ok());
  // Levels below silent_dbm are raised to it, so floor 0 holds a strongest AP too.
  CHECK(found.start == 0);
  CHECK(found.at(0, 1) == -100);
}

TEST_CASE("floor_features.pairs_are_found_across_blocks") {
  const std::size_t n = 700;
  std::vector<double> places(2 * n);
  for (std::size_t i = 0; i < n; ++i)
    places[2 * i] = static_cast<double>(i % 350);
  std::vector<std::int32_t> floors(n);
  std::fill(floors.begin() + 350, floors.end(), 1);
  places[2 * 699] = 10000;
  const Found found = features_of(std::vector<float>(n, -50), places, floors, 2);
  REQUIRE(found.status.ok());
  CHECK(found.at(0, 7) == 349);
  CHECK(found.at(1, 7) == 10000);
  CHECK(found.at(0, 0) == 350);
}

TEST_CASE("floor_features.refuses_wrong_values") {
  const std::vector<double> places{0, 0, 1, 1};
  const auto status = [&](std::vector<float> rssi, std::vector<double> xy,
                          std::vector<std::int32_t> on, std::size_t floors, std::size_t span = 4,
                          double silent = -100) {
    return features_of(rssi, xy, on, floors, span, silent).status;
  };
  CHECK(status({NAN, NAN}, places, {0, 0}, 1).code == Code::nothing_heard);
  CHECK(status({-50, -INFINITY}, places, {0, 0}, 1).code == Code::infinite);
  CHECK(status({-50, -INFINITY}, places, {0, 0}, 1).index == 1);
  CHECK(status({-50, -50}, {0, 0, NAN, 1}, {0, 0}, 1).argument == Argument::ap_xy_m);
  CHECK(status({-50, -50}, {0, 0, NAN, 1}, {0, 0}, 1).index == 2);
  CHECK(status({-50, -50}, places, {0, 1}, 1).argument == Argument::ap_floor);
  CHECK(status({-50, -50}, places, {-1, 0}, 1).index == 0);
  CHECK(status({-50, -50}, places, {0, 0}, 0).argument == Argument::n_floors);
  CHECK(status({-50, -50}, places, {0, 0}, 1001).code == Code::out_of_range);
  CHECK(status({-50, -50}, places, {0, 0}, 1, 0).argument == Argument::span);
  CHECK(status({-50, -50}, places, {0, 0}, 1, 17).argument == Argument::span);
  CHECK(status({-50, -50}, places, {0, 0}, 1, 4, NAN).argument == Argument::silent_dbm);
  CHECK(status({}, {}, {}, 1).code == Code::empty);
}
