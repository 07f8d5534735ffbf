#include "rssfix/path_loss_pdf.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "levels.hpp"

using namespace rssfix;

namespace {

struct Scan {
  std::vector<double> places;
  std::vector<double> rssi;
  std::vector<double> weight;
  std::vector<double> extra;

  Levels levels() const {
    return {places.data(), rssi.data(), weight.data(), extra.data(), rssi.size()};
  }
};

constexpr PathLoss usual{-35, 3, 8, 2, -90};

// `heard` of the APs over and around `side_m` metres, the others with weight 1/20.
Scan random_scan(std::size_t aps, std::size_t heard, double side_m, unsigned seed = 7) {
  Scan scan;
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> place(-0.2 * side_m, 1.2 * side_m);
  std::uniform_real_distribution<double> level(-90, -40);
  for (std::size_t i = 0; i < aps; ++i) {
    scan.places.push_back(place(random));
    scan.places.push_back(place(random));
    scan.rssi.push_back(i < heard ? level(random) : NAN);
    scan.weight.push_back(i < heard ? 0.5 : 0.05);
    scan.extra.push_back(20.0 * static_cast<double>(random() % 3));
  }
  return scan;
}

// The offset by its least squares, cell by cell.
double log_density(const Scan& scan, const PathLoss& loss, double x, double y) {
  std::vector<double> residuals;
  std::vector<double> weights;
  double log = 0;
  for (std::size_t i = 0; i < scan.rssi.size(); ++i) {
    const double d = std::hypot(x - scan.places[2 * i], y - scan.places[2 * i + 1]);
    const double expected =
        loss.reference_dbm - 10 * loss.exponent * std::log10(std::max(d, 1.0)) - scan.extra[i];
    if (std::isnan(scan.rssi[i])) {
      const double z = (loss.silence_dbm - expected) / loss.sigma_db;
      log += scan.weight[i] * std::log(std::erfc(-z / std::sqrt(2)) / 2);
    } else {
      residuals.push_back(scan.rssi[i] - expected);
      weights.push_back(scan.weight[i] / (loss.sigma_db * loss.sigma_db));
    }
  }
  double offset = 0;
  if (loss.offset_sigma_db > 0) {
    const double prior = 1 / (loss.offset_sigma_db * loss.offset_sigma_db);
    double total = prior;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      offset += weights[i] * residuals[i];
      total += weights[i];
    }
    offset /= total;
    log -= offset * offset * prior / 2;
  }
  for (std::size_t i = 0; i < weights.size(); ++i)
    log -= weights[i] * (residuals[i] - offset) * (residuals[i] - offset) / 2;
  return log;
}

void compare(const Scan& scan, const PathLoss& loss, const Grid& grid, double tolerance) {
  std::vector<double> expected;
  for (std::size_t row = 0; row < grid.height; ++row)
    for (std::size_t column = 0; column < grid.width; ++column)
      expected.push_back(
          log_density(scan, loss, grid.origin_x_m + grid.pitch_m * static_cast<double>(column),
              grid.origin_y_m + grid.pitch_m * static_cast<double>(row)));
  const double largest = *std::max_element(expected.begin(), expected.end());
  std::vector<float> pdf(expected.size(), NAN);
  REQUIRE(path_loss_pdf(scan.levels(), loss, grid, pdf.data()).ok());
  double worst = 0;
  for (std::size_t i = 0; i < pdf.size(); ++i)
    worst =
        std::max(worst, std::fabs(static_cast<double>(pdf[i]) - std::exp(expected[i] - largest)));
  CHECK(worst <= tolerance);
  CHECK(*std::max_element(pdf.begin(), pdf.end()) == 1.0f);
}

} // namespace

TEST_CASE("path_loss_pdf.float32_is_close_enough") {
  at_every_level([] {
    compare(random_scan(40, 8, 60), usual, {0, 0, 0.5, 33, 70}, 3e-5);
    compare(random_scan(40, 8, 60), {-59, 2.2, 6, 0, -90}, {-3, 7, 1, 41, 19}, 3e-5);
    compare(random_scan(3, 3, 20), {-35, 3, 8, 1e4, -90}, {0, 0, 0.25, 20, 17}, 3e-5);
    compare(random_scan(5, 0, 20), usual, {0, 0, 1, 20, 17}, 3e-5);
  });
}

TEST_CASE("path_loss_pdf.more_access_points_and_losses_than_fit_at_once") {
  at_every_level([] {
    Scan scan = random_scan(400, 9, 100);
    compare(scan, usual, {0, 0, 4, 26, 27}, 3e-5);
    for (std::size_t i = 0; i < scan.extra.size(); ++i)
      scan.extra[i] = static_cast<double>(i % 40);
    compare(scan, usual, {0, 0, 4, 26, 27}, 3e-5);
  });
}

TEST_CASE("path_loss_pdf.tiles_of_a_long_hall") {
  at_every_level([] {
    Scan scan = random_scan(30, 5, 20);
    for (std::size_t i = 0; i < scan.rssi.size(); ++i)
      scan.places[2 * i] *= 60;
    compare(scan, usual, {0, 0, 1, 20, 1200}, 1e-5);
    compare(scan, {-35, 2, 8, 2, -60}, {0, 0, 2, 10, 601}, 1e-5);
  });
}

TEST_CASE("path_loss_pdf.float64_where_float32_does_not_hold_it") {
  at_every_level([] {
    compare(random_scan(20, 20, 30), {-35, 3, 0.5, 2, -90}, {0, 0, 1, 20, 17}, 1e-6);
    compare(random_scan(20, 6, 30), usual, {0, 0, 8, 9, 7}, 1e-6);
    Scan far = random_scan(20, 6, 30);
    far.places[0] = 1e9;
    compare(far, usual, {0, 0, 1, 9, 7}, 1e-6);
    Scan many = random_scan(300, 290, 60);
    compare(many, usual, {0, 0, 2, 9, 7}, 1e-6);
  });
}

TEST_CASE("path_loss_pdf.nothing_known_is_flat") {
  Scan scan = random_scan(4, 2, 10);
  std::fill(scan.weight.begin(), scan.weight.end(), 0.0);
  std::vector<float> pdf(6 * 7, NAN);
  REQUIRE(path_loss_pdf(scan.levels(), usual, {0, 0, 1, 6, 7}, pdf.data()).ok());
  CHECK(pdf == std::vector<float>(6 * 7, 1.0f));
}

TEST_CASE("path_loss_pdf.names_the_wrong_value") {
  float pdf[9];
  const auto status = [&](auto change) {
    Scan scan = random_scan(4, 2, 10);
    PathLoss loss = usual;
    Grid grid{0, 0, 1, 3, 3};
    change(scan, loss, grid);
    return path_loss_pdf(scan.levels(), loss, grid, pdf);
  };
  const Status place = status([](Scan& s, PathLoss&, Grid&) { s.places[5] = NAN; });
  CHECK(place.argument == Argument::ap_xy_m);
  CHECK(place.index == 5);
  const Status weight = status([](Scan& s, PathLoss&, Grid&) { s.weight[2] = -1; });
  CHECK(weight.argument == Argument::weight);
  CHECK(weight.code == Code::out_of_range);
  CHECK(weight.index == 2);
  const auto wrong = [&](double PathLoss::* field, double value) {
    return status([&](Scan&, PathLoss& loss, Grid&) { loss.*field = value; }).argument;
  };
  CHECK(wrong(&PathLoss::reference_dbm, NAN) == Argument::reference_dbm);
  CHECK(wrong(&PathLoss::exponent, 0) == Argument::exponent);
  CHECK(wrong(&PathLoss::sigma_db, 0) == Argument::sigma_db);
  CHECK(wrong(&PathLoss::offset_sigma_db, -1) == Argument::offset_sigma_db);
  CHECK(wrong(&PathLoss::silence_dbm, 2e4) == Argument::silence_dbm);
  CHECK(status([](Scan& s, PathLoss&, Grid&) { s.rssi[1] = INFINITY; }).index == 1);
  CHECK(status([](Scan& s, PathLoss&, Grid&) { s.extra[3] = NAN; }).index == 3);
  CHECK(status([](Scan& s, PathLoss&, Grid&) { s.rssi.clear(); }).code == Code::empty);
  CHECK(status([](Scan&, PathLoss&, Grid& g) { g.pitch_m = 0; }).argument == Argument::pitch_m);
}
