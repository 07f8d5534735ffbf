#include "rssfix/motion.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace rssfix;

namespace {

Motion started(std::int64_t gap_ms, std::size_t floor_votes) {
  Motion motion;
  REQUIRE(motion.init({0.3, gap_ms, floor_votes}).ok());
  return motion;
}

void step(Motion& motion, std::int64_t now_ms, double x_m, std::int32_t floor) {
  REQUIRE(motion.advance(now_ms).ok());
  REQUIRE(motion.measure(x_m, 1, floor, 3).ok());
}

} // namespace

TEST_CASE("motion.begins_with_the_first_position") {
  Motion motion = started(60000, 5);
  REQUIRE(motion.advance(1000).ok());
  CHECK(!motion.running());
  REQUIRE(motion.measure(4, -2, 7, 3).ok());
  const Tracked first = motion.tracked();
  CHECK(first.x_m == 4);
  CHECK(first.y_m == -2);
  CHECK(first.floor == 7);
  CHECK(std::fabs(first.accuracy_m - 3) < 1e-12);
}

TEST_CASE("motion.ends_after_the_gap_and_not_before") {
  Motion motion = started(2000, 5);
  step(motion, 0, 4, 0);
  REQUIRE(motion.advance(2000).ok());
  CHECK(motion.running());
  CHECK(motion.tracked().accuracy_m > 3);
  REQUIRE(motion.advance(2001).ok());
  CHECK(!motion.running());
}

TEST_CASE("motion.steps_of_a_gap_are_those_of_as_many_calls") {
  Motion one = started(60000, 5);
  Motion many = started(60000, 5);
  step(one, 0, 4, 0);
  step(many, 0, 4, 0);
  REQUIRE(one.advance(7500).ok());
  for (int s = 1; s <= 7; ++s)
    REQUIRE(many.advance(1000 * s).ok());
  REQUIRE(many.advance(7500).ok());
  CHECK(one.tracked().accuracy_m == many.tracked().accuracy_m);
}

TEST_CASE("motion.the_floor_changes_by_majority") {
  Motion motion = started(60000, 3);
  const std::int32_t asked[] = {0, 1, 0, 1, 1, 0, 2, 2};
  const std::int32_t told[] = {0, 0, 0, 1, 1, 1, 1, 2};
  for (int i = 0; i < 8; ++i) {
    step(motion, 1000 * i, 0, asked[i]);
    CHECK(motion.tracked().floor == told[i]);
  }
  motion.restart();
  step(motion, 9000, 0, 5);
  CHECK(motion.tracked().floor == 5);
}

TEST_CASE("motion.what_is_refused") {
  Motion motion;
  CHECK(motion.init({-1, 0, 1}).argument == Argument::accel_sigma);
  CHECK(motion.init({NAN, 0, 1}).argument == Argument::accel_sigma);
  CHECK(motion.init({0, -1, 1}).argument == Argument::gap_ms);
  CHECK(motion.init({0, 0, 0}).argument == Argument::floor_votes);
  CHECK(motion.init({0, 0, Motion::most_votes + 1}).argument == Argument::floor_votes);
  motion = started(60000, Motion::most_votes);
  for (int i = 0; i < 200; ++i)
    step(motion, i, 0, i % 3);
  CHECK(motion.advance(0).code == Code::goes_back);
  CHECK(motion.measure(NAN, 0, 0, 1).argument == Argument::x_m);
  CHECK(motion.measure(0, INFINITY, 0, 1).argument == Argument::y_m);
  CHECK(motion.measure(0, 0, 0, 0).argument == Argument::accuracy_m);
}
