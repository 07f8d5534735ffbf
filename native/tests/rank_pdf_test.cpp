#include "rssfix/rank_pdf.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "levels.hpp"

using namespace rssfix;

namespace {

struct Scan {
  std::vector<double> places;
  std::vector<std::int32_t> ranks;
  std::vector<double> mean_m;
  std::vector<double> sigma_m;

  RankedAps aps() const {
    return {
        places.data(), ranks.data(), ranks.size(), mean_m.data(), sigma_m.data(), mean_m.size()};
  }
};

// The rank table of SPEC 5.5, APs over and around `side_m` metres from `corner_m`.
Scan random_scan(std::size_t aps, double side_m, double corner_m = 0) {
  Scan scan{{}, {}, {37.5, 31.6, 19.8, 11.4, 5.9, 2.7}, {9.8, 10.3, 8.5, 6.0, 3.3, 1.6}};
  std::mt19937 random(7);
  std::uniform_real_distribution<double> place(-0.2 * side_m, 1.2 * side_m);
  for (std::size_t i = 0; i < aps; ++i) {
    scan.places.push_back(corner_m + place(random));
    scan.places.push_back(corner_m + place(random));
    scan.ranks.push_back(static_cast<std::int32_t>(random() % 6));
  }
  return scan;
}

std::vector<double> reference(const Scan& scan, const Grid& grid, Combine combine) {
  std::vector<double> log_pdf;
  for (std::size_t row = 0; row < grid.height; ++row)
    for (std::size_t column = 0; column < grid.width; ++column) {
      const double x = grid.origin_x_m + grid.pitch_m * static_cast<double>(column);
      const double y = grid.origin_y_m + grid.pitch_m * static_cast<double>(row);
      std::vector<double> logs;
      for (std::size_t i = 0; i < scan.ranks.size(); ++i) {
        const auto rank = static_cast<std::size_t>(scan.ranks[i]);
        const double d = std::hypot(x - scan.places[2 * i], y - scan.places[2 * i + 1]);
        const double z = (d - scan.mean_m[rank]) / scan.sigma_m[rank];
        logs.push_back(-z * z / 2 - std::log(scan.sigma_m[rank]));
      }
      const double top = *std::max_element(logs.begin(), logs.end());
      double sum = 0;
      double product = 0;
      for (const double value : logs) {
        sum += std::exp(value - top);
        product += value;
      }
      const double count = static_cast<double>(logs.size());
      log_pdf.push_back(combine == Combine::sum       ? top + std::log(sum)
                        : combine == Combine::product ? product
                                                      : product / count);
    }
  const double top = *std::max_element(log_pdf.begin(), log_pdf.end());
  for (double& value : log_pdf)
    value = std::exp(value - top);
  return log_pdf;
}

void compare(const Scan& scan, const Grid& grid) {
  for (const Combine combine : {Combine::sum, Combine::product, Combine::tempered}) {
    CAPTURE(static_cast<int>(combine));
    std::vector<float> pdf(grid.height * grid.width, NAN);
    REQUIRE(rank_pdf(scan.aps(), grid, combine, pdf.data()).ok());
    const auto expected = reference(scan, grid, combine);
    double worst = 0;
    for (std::size_t i = 0; i < pdf.size(); ++i)
      worst = std::fmax(worst, std::fabs(static_cast<double>(pdf[i]) - expected[i]));
    CHECK(worst <= 1e-5);
    CHECK(*std::max_element(pdf.begin(), pdf.end()) == 1.0f);
    CHECK(std::none_of(pdf.begin(), pdf.end(), [](float v) { return std::isnan(v); }));
  }
}

} // namespace

TEST_CASE("rank_pdf.is_exact_to_1e-5") {
  at_every_level([] {
    compare(random_scan(40, 40), {0, 0, 0.5, 67, 93});
    compare(random_scan(130, 60), {-5, 3, 1.5, 45, 50});
    compare(random_scan(5, 200), {0, 0, 4, 50, 51});
    compare(random_scan(40, 120), {0, 0, 0.5, 25, 530}); // more than two tiles of columns
    for (const std::size_t height : {8U, 9U, 15U, 16U, 17U, 33U})
      compare(random_scan(12, 30), {0, 0, 0.5, height, 40});
    for (const std::size_t width : {1U, 3U, 4U, 7U, 8U, 15U, 16U, 17U, 33U})
      compare(random_scan(6, 10), {0, 0, 0.5, 9, width});
  });
}

TEST_CASE("rank_pdf.wide_rings_of_one_rank_may_not_add_up_to_an_error") {
  at_every_level([] {
    for (const double sigma_m : {4.0, 6.0, 9.0, 30.0}) {
      Scan scan = random_scan(60, 80);
      std::fill(scan.sigma_m.begin(), scan.sigma_m.end(), sigma_m);
      std::fill(scan.mean_m.begin(), scan.mean_m.end(), 2 * sigma_m);
      compare(scan, {0, 0, 0.5, 80, 100});
    }
  });
}

TEST_CASE("rank_pdf.far_from_the_frames_origin") {
  at_every_level([] { compare(random_scan(12, 30, 4e6), {4e6, 4e6, 0.5, 60, 61}); });
}

TEST_CASE("rank_pdf.rings_that_do_not_reach_the_grid") {
  at_every_level([] {
    compare(random_scan(3, 60, 500), {0, 0, 1, 20, 21});
    compare(random_scan(3, 60, 5e4), {0, 0, 1, 20, 21});
    Scan scan = random_scan(4, 20);
    std::fill(scan.mean_m.begin(), scan.mean_m.end(), 60.0);
    compare(scan, {0, 0, 1, 20, 21});
  });
}

TEST_CASE("rank_pdf.rings_with_a_hole_and_rings_thinner_than_a_cell") {
  at_every_level([] {
    Scan scan = random_scan(20, 60);
    scan.sigma_m = {3, 2.5, 2, 1, 0.6, 0.4};
    compare(scan, {0, 0, 0.5, 150, 140});
    scan.sigma_m = {0.5, 0.4, 0.3, 0.2, 0.1, 0.05};
    compare(scan, {0, 0, 0.5, 60, 70});
  });
}

TEST_CASE("rank_pdf.an_access_point_on_a_cell") {
  at_every_level([] {
    Scan scan{{8, 4}, {0}, {0.0}, {2.0}};
    compare(scan, {0, 0, 0.5, 32, 32});
    std::vector<float> pdf(32 * 32);
    REQUIRE(rank_pdf(scan.aps(), {0, 0, 0.5, 32, 32}, Combine::sum, pdf.data()).ok());
    CHECK(pdf[8 * 32 + 16] == 1.0f); // row = y, column = x
  });
}

TEST_CASE("rank_pdf.names_the_wrong_value") {
  const Grid grid{0, 0, 1, 3, 3};
  float pdf[9];
  const auto status = [&](auto change) {
    Scan scan = random_scan(4, 10);
    Grid changed = grid;
    change(scan, changed);
    return rank_pdf(scan.aps(), changed, Combine::sum, pdf);
  };
  const Status place = status([](Scan& s, Grid&) { s.places[5] = NAN; });
  CHECK(place.argument == Argument::ap_xy_m);
  CHECK(place.index == 5);
  const Status rank = status([](Scan& s, Grid&) { s.ranks[2] = 6; });
  CHECK(rank.code == Code::out_of_range);
  CHECK(rank.index == 2);
  CHECK(status([](Scan& s, Grid&) { s.ranks[0] = -1; }).argument == Argument::ranks);
  CHECK(status([](Scan& s, Grid&) { s.mean_m[1] = -1; }).argument == Argument::mean_m);
  CHECK(status([](Scan& s, Grid&) { s.sigma_m[5] = 0; }).argument == Argument::sigma_m);
  CHECK(status([](Scan& s, Grid&) { s.ranks.clear(); }).code == Code::empty);
  CHECK(status([](Scan&, Grid& g) { g.pitch_m = -1; }).argument == Argument::pitch_m);
  CHECK(status([](Scan&, Grid& g) { g.origin_x_m = NAN; }).argument == Argument::origin_m);
  CHECK(status([](Scan&, Grid& g) { g.width = 0; }).argument == Argument::shape);
}
