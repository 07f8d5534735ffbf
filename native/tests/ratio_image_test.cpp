#include "rssfix/ratio_image.hpp"

#include <cmath>

#include "levels.hpp"

using namespace rssfix;

TEST_CASE("ratio_image.is_rank_one_plus_a_constant") {
  at_every_level([] {
    for (const std::size_t n : {1U, 3U, 16U, 37U}) {
      const auto rssi = random_dbm(n);
      std::vector<float> image(n * n);
      REQUIRE(ratio_image(rssi.data(), n, image.data()).ok());
      for (std::size_t j = 0; j < n; ++j)
        for (std::size_t k = 0; k < n; ++k)
          CHECK(static_cast<double>(image[j * n + k]) ==
                doctest::Approx(static_cast<double>(rssi[j]) / static_cast<double>(rssi[k]) - 1)
                    .epsilon(1e-6));
      for (std::size_t j = 0; j < n; ++j)
        CHECK(image[j * n + j] == 0.0f);
    }
  });
}

TEST_CASE("ratio_image.refuses_what_it_cannot_divide_by") {
  float image[9];
  const float zero[] = {-1, 0, -2};
  CHECK(ratio_image(zero, 3, image).code == Code::zero);
  CHECK(ratio_image(zero, 3, image).index == 1);
  const float nan[] = {-1, -2, NAN};
  CHECK(ratio_image(nan, 3, image).code == Code::not_finite);
  CHECK(ratio_image(nan, 3, image).index == 2);
  const float tiny[] = {1e10f, -1e-30f, 1e10f};
  CHECK(ratio_image(tiny, 3, image).code == Code::overflow);
  CHECK(ratio_image(tiny, 3, image).index == 1);
  CHECK(ratio_image(tiny, 0, image).code == Code::empty);
}
