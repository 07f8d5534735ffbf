#include "rssfix/geometric_median.hpp"

#include <cmath>

#include "levels.hpp"

using namespace rssfix;

namespace {

struct Crowd {
  explicit Crowd(std::size_t count, double away_m = 0, unsigned seed = 1) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> place(0, 100);
    std::exponential_distribution<double> heavy;
    for (std::size_t i = 0; i < count; ++i) {
      x_m.push_back(place(random) + away_m);
      y_m.push_back(place(random) - away_m);
      weight.push_back(std::pow(heavy(random), 3));
    }
  }

  WeightedPlaces places() const { return {x_m.data(), y_m.data(), weight.data(), x_m.size()}; }

  double mean_distance(Point at, double soft_m) const {
    double sum = 0;
    for (std::size_t i = 0; i < x_m.size(); ++i)
      sum += weight[i] * std::hypot(x_m[i] - at.x_m, y_m[i] - at.y_m, soft_m);
    return sum;
  }

  std::vector<double> x_m, y_m, weight;
};

} // namespace

TEST_CASE("geometric_median.has_the_least_mean_distance") {
  at_every_level([] {
    for (const std::size_t count : {3U, 8U, 15U, 300U}) {
      const Crowd crowd(count);
      Point found{};
      REQUIRE(geometric_median(crowd.places(), {50, 50}, 1, 2000, found).ok());
      const double least = crowd.mean_distance(found, 1);
      for (const double step : {0.1, 1.0, 10.0})
        for (const Point to : {Point{step, 0}, {-step, 0}, {0, step}, {0, -step}})
          CHECK(crowd.mean_distance({found.x_m + to.x_m, found.y_m + to.y_m}, 1) > least);
    }
  });
}

TEST_CASE("geometric_median.takes_the_steps_of_weiszfeld") {
  at_every_level([] {
    for (const double away_m : {0.0, 6e6}) {
      const Crowd crowd(37, away_m);
      Point at{50 + away_m, 20 - away_m};
      Point found{};
      REQUIRE(geometric_median(crowd.places(), at, 0.5, 7, found).ok());
      for (int step = 0; step < 7; ++step) {
        double sum = 0;
        Point to{};
        for (std::size_t i = 0; i < crowd.x_m.size(); ++i) {
          const double dx = crowd.x_m[i] - at.x_m;
          const double dy = crowd.y_m[i] - at.y_m;
          const double near = crowd.weight[i] / std::sqrt(dx * dx + dy * dy + 0.25);
          sum += near;
          to.x_m += near * dx;
          to.y_m += near * dy;
        }
        at = {at.x_m + to.x_m / sum, at.y_m + to.y_m / sum};
      }
      CHECK(found.x_m == doctest::Approx(at.x_m).epsilon(1e-13));
      CHECK(found.y_m == doctest::Approx(at.y_m).epsilon(1e-13));
    }
  });
}

TEST_CASE("geometric_median.of_one_place_is_that_place") {
  const double x_m = 3;
  const double y_m = -4;
  for (const double weight : {1e-300, 1.0, 1e100}) {
    Point found{};
    REQUIRE(geometric_median({&x_m, &y_m, &weight, 1}, {1e9, -1e9}, 1e-6, 1, found).ok());
    CHECK(found.x_m == doctest::Approx(3));
    CHECK(found.y_m == doctest::Approx(-4));
  }
}

TEST_CASE("geometric_median.refuses_wrong_values") {
  const auto refused = [](const Crowd& crowd, Point start, double soft_m, std::size_t steps) {
    Point found{7, 7};
    const Status status = geometric_median(crowd.places(), start, soft_m, steps, found);
    CHECK(found.x_m == 7);
    CHECK(status.code == Code::out_of_range);
    return status;
  };
  at_every_level([&] {
    for (const double wrong : {std::nan(""), HUGE_VAL, -HUGE_VAL, 1.1e9}) {
      Crowd crowd(11);
      crowd.x_m[9] = wrong;
      CHECK(refused(crowd, {0, 0}, 1, 10).argument == Argument::x_m);
      CHECK(refused(crowd, {0, 0}, 1, 10).index == 9);
      crowd = Crowd(11);
      crowd.y_m[2] = wrong;
      CHECK(refused(crowd, {0, 0}, 1, 10).argument == Argument::y_m);
      crowd = Crowd(11);
      CHECK(refused(crowd, {wrong, 0}, 1, 10).argument == Argument::start_m);
      CHECK(refused(crowd, {0, wrong}, 1, 10).index == 1);
      CHECK(refused(crowd, {0, 0}, wrong, 10).argument == Argument::soft_m);
    }
    for (const double wrong : {std::nan(""), HUGE_VAL, -1e-9, 1.1e100}) {
      Crowd crowd(11);
      crowd.weight[10] = wrong;
      CHECK(refused(crowd, {0, 0}, 1, 10).argument == Argument::weight);
      CHECK(refused(crowd, {0, 0}, 1, 10).index == 10);
    }
    Crowd crowd(11);
    for (const double soft_m : {0.0, -1.0, 1e-7})
      CHECK(refused(crowd, {0, 0}, soft_m, 10).argument == Argument::soft_m);
    for (const std::size_t steps : {std::size_t{0}, most_median_steps + 1})
      CHECK(refused(crowd, {0, 0}, 1, steps).argument == Argument::steps);
    std::fill(crowd.weight.begin(), crowd.weight.end(), 0.0);
    CHECK(refused(crowd, {0, 0}, 1, 10).argument == Argument::weight);
    crowd.weight[3] = 5e-324;
    CHECK(refused(crowd, {0, 0}, 1, 10).argument == Argument::weight);
    Point found{};
    CHECK(geometric_median(Crowd(0).places(), {0, 0}, 1, 10, found).code == Code::empty);
  });
}
