#include "rssfix/threshold_centroid.hpp"

#include <cmath>

#include "levels.hpp"

using namespace rssfix;

TEST_CASE("threshold_centroid.weighs_the_cells_that_reach_the_threshold") {
  const float pdf[] = {0.1f, 1.0f, 0.5f, 0.2f, 0.5f, 0.3f};
  const Grid grid{10, 20, 2, 2, 3};
  Centroid found{};
  REQUIRE(threshold_centroid(pdf, grid, 0.5, found).ok());
  CHECK(found.x_m == doctest::Approx(10 + 2 * (1 * 1 + 0.5 * 2 + 0.5 * 1) / 2));
  CHECK(found.y_m == doctest::Approx(20 + 2 * (0.5 * 1) / 2));
  CHECK(found.area_m2 == doctest::Approx(12));
}

TEST_CASE("threshold_centroid.a_flat_pdf_has_the_grids_centre") {
  at_every_level([] {
    for (const std::size_t width : {1U, 7U, 16U, 33U, 3000U}) {
      const std::vector<float> pdf(5 * width, 1.0f);
      const Grid grid{-1, 0.25, 0.5, 5, width};
      Centroid found{};
      REQUIRE(threshold_centroid(pdf.data(), grid, 1.0, found).ok());
      CHECK(found.x_m == doctest::Approx(-1 + 0.25 * static_cast<double>(width - 1)));
      CHECK(found.y_m == doctest::Approx(1.25));
      CHECK(found.area_m2 == doctest::Approx(1.25 * static_cast<double>(width)));
    }
  });
}

TEST_CASE("threshold_centroid.refuses_wrong_values") {
  std::vector<float> pdf(40, 1.0f);
  Centroid found{};
  const auto code = [&](const Grid& grid, double threshold) {
    return threshold_centroid(pdf.data(), grid, threshold, found);
  };
  const Grid grid{0, 0, 1, 4, 10};
  for (const double threshold : {0.0, -1.0, 1.01, double(NAN)})
    CHECK(code(grid, threshold).code == Code::out_of_range);
  CHECK(code({0, 0, 0, 4, 10}, 0.5).argument == Argument::pitch_m);
  CHECK(code({0, INFINITY, 1, 4, 10}, 0.5).argument == Argument::origin_m);
  CHECK(code({0, INFINITY, 1, 4, 10}, 0.5).index == 1);
  CHECK(code({0, 0, 1, 0, 10}, 0.5).code == Code::empty);
  at_every_level([&] {
    for (const float wrong : {NAN, INFINITY, -0.5f})
      for (const std::size_t place : {0U, 17U, 39U}) {
        pdf.assign(40, 1.0f);
        pdf[place] = wrong;
        CHECK(code(grid, 0.5).code == Code::negative);
        CHECK(code(grid, 0.5).index == place);
      }
    pdf.assign(40, 0.25f);
    CHECK(code(grid, 0.5).code == Code::below_threshold);
  });
}
