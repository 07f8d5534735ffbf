#include "rssfix/kalman_filter.hpp"

#include <cmath>
#include <random>

#include "levels.hpp"

using namespace rssfix;

namespace {

// Largest eigenvalue over smallest would say more, but Cholesky says what is promised.
bool symmetric_and_positive_definite(const KalmanFilter::Matrix& p) {
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j)
      if (p[4 * i + j] != p[4 * j + i])
        return false;
  KalmanFilter same;
  const double state[4] = {};
  return same.reset(state, p.data(), 0).ok();
}

} // namespace

TEST_CASE("kalman_filter.standing_still_is_a_running_mean") {
  KalmanFilter filter;
  const double state[4] = {};
  // So certain of no velocity that only the position is left: prior N(0, 1), errors N(0, 1).
  const double covariance[16] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1e-30, 0, 0, 0, 0, 1e-30};
  REQUIRE(filter.reset(state, covariance, 0).ok());
  const double variance[] = {1, 1};
  for (int i = 1; i <= 10; ++i) {
    const double z[] = {3, -5};
    REQUIRE(filter.update(z, variance, 2).ok());
    CHECK(filter.state()[0] == doctest::Approx(3.0 * i / (i + 1)));
    CHECK(filter.state()[1] == doctest::Approx(-5.0 * i / (i + 1)));
    CHECK(filter.covariance()[0] == doctest::Approx(1.0 / (i + 1)));
  }
}

TEST_CASE("kalman_filter.predict_by_nothing_changes_nothing") {
  KalmanFilter filter;
  const double z[] = {1, 2, 3, 4};
  const double variance[] = {1, 2, 3, 4};
  REQUIRE(filter.update(z, variance, 4).ok());
  const auto state = filter.state();
  const auto covariance = filter.covariance();
  REQUIRE(filter.predict(0).ok());
  CHECK(filter.state() == state);
  CHECK(filter.covariance() == covariance);
}

TEST_CASE("kalman_filter.stays_symmetric_and_positive_definite_over_a_million_steps") {
  for (const double accel_sigma : {0.0, 0.1}) {
    CAPTURE(accel_sigma);
    KalmanFilter filter;
    const double state[4] = {};
    const double covariance[16] = {100, 0, 0, 0, 0, 100, 0, 0, 0, 0, 100, 0, 0, 0, 0, 100};
    REQUIRE(filter.reset(state, covariance, accel_sigma).ok());
    std::minstd_rand random(1);
    std::uniform_real_distribution<double> error(-3, 3);
    std::uniform_real_distribution<double> log10_variance(-4, 4);
    for (int step = 0; step < 1000000; ++step) {
      const double z[] = {error(random), error(random), error(random), error(random)};
      const double r = std::pow(10, log10_variance(random));
      const double variance[] = {r, 2 * r, r / 3, r};
      REQUIRE(filter.predict(step % 7 * 0.5).ok());
      REQUIRE(filter.update(z, variance, step % 3 == 0 ? 4 : 2).ok());
      if (step % 1000 == 999)
        REQUIRE(symmetric_and_positive_definite(filter.covariance()));
    }
  }
}

TEST_CASE("kalman_filter.a_refused_call_changes_nothing") {
  KalmanFilter filter;
  const double good[] = {1, 2, 3, 4};
  REQUIRE(filter.update(good, good, 4).ok());
  const auto state = filter.state();
  const auto covariance = filter.covariance();
  const double bad[] = {1, 2, NAN, 4};
  const double zero[] = {1, 0, 1, 1};

  CHECK(filter.predict(-1).code == Code::negative);
  CHECK(filter.predict(NAN).argument == Argument::dt_s);
  CHECK(filter.predict(1e200).code == Code::overflow);
  CHECK(filter.update(bad, good, 4).code == Code::not_finite);
  CHECK(filter.update(bad, good, 4).index == 2);
  CHECK(filter.update(good, zero, 4).code == Code::not_positive);
  CHECK(filter.update(good, zero, 4).index == 1);
  CHECK(filter.update(good, bad, 4).argument == Argument::variance);
  CHECK(filter.update(good, good, 3).code == Code::out_of_range);
  const double far[] = {1e308, -1e308};
  CHECK(filter.update(far, good, 2).ok());
  REQUIRE(filter.reset(state.data(), covariance.data(), 0).ok());

  double asymmetric[16] = {1, 0.5, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  CHECK(filter.reset(good, asymmetric, 0).code == Code::asymmetric);
  CHECK(filter.reset(good, asymmetric, 0).index == 1);
  const double singular[16] = {1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  CHECK(filter.reset(good, singular, 0).code == Code::not_positive_definite);
  CHECK(filter.reset(good, covariance.data(), -0.1).argument == Argument::accel_sigma);
  CHECK(filter.reset(bad, covariance.data(), 0).argument == Argument::state);
  CHECK(filter.state() == state);
  CHECK(filter.covariance() == covariance);
}
