#include "rssfix/level_likelihoods.hpp"

#include <cmath>
#include <limits>

#include "levels.hpp"

using namespace rssfix;

namespace {

// A model whose every part may be changed; within the bounds unless a test leaves them.
struct Model {
  explicit Model(std::size_t codes, unsigned seed = 1) : random(seed) {
    const auto between = [&](float low, float high) {
      std::uniform_real_distribution<float> one(low, high);
      std::vector<float> values(codes);
      for (float& value : values)
        value = one(random);
      return values;
    };
    const auto power_of_10 = [&](float low, float high) {
      std::vector<float> values = between(low, high);
      for (float& value : values)
        value = std::pow(10.0f, value);
      return values;
    };
    mean_db = between(-150, -40);
    sigma_db = power_of_10(-2.99f, 2);
    tail_factor = power_of_10(-2.99f, 2.99f);
    narrow = between(0, 1);
    wide = between(0, 1);
    outliers = power_of_10(-19.9f, 1);
    silent = between(-30, 0);
  }

  Scatter scatter() const {
    return {mean_db.data(), sigma_db.data(), tail_factor.data(), narrow.data(), wide.data(),
        outliers.data(), silent.data(), mean_db.size()};
  }

  double log(float measured, std::size_t code) const {
    if (std::isnan(measured))
      return static_cast<double>(silent[code]);
    const double off = static_cast<double>(measured) - static_cast<double>(mean_db[code]);
    double density = static_cast<double>(outliers[code]);
    double sigma = static_cast<double>(sigma_db[code]);
    for (const float share : {narrow[code], wide[code]}) {
      const double z = off / sigma;
      density += static_cast<double>(share) * std::exp(-z * z / 2) / (sigma * 2.5066282746310002);
      sigma *= static_cast<double>(tail_factor[code]);
    }
    return std::log(density);
  }

  std::mt19937 random;
  std::vector<float> mean_db, sigma_db, tail_factor, narrow, wide, outliers, silent;
};

} // namespace

TEST_CASE("level_likelihoods.are_those_of_float64") {
  at_every_level([] {
    for (const std::size_t codes : {1U, 7U, 16U, 33U, 256U, 2051U}) {
      const Model model(codes, static_cast<unsigned>(codes));
      // Anywhere, not received, and so close to a mean that the narrowest normals count.
      std::vector<float> measured = {-90, NAN, -10000, 10000, -150};
      for (std::size_t code = 0; code < codes; code += 1 + codes / 9)
        measured.push_back(model.mean_db[code] + model.sigma_db[code] / 2);
      for (const double power : {1.0, 0.75}) {
        std::vector<float> tables(measured.size() * codes, INFINITY);
        REQUIRE(level_likelihoods(
            measured.data(), measured.size(), model.scatter(), power, tables.data())
                .ok());
        double worst = 0;
        for (std::size_t k = 0; k < measured.size(); ++k)
          for (std::size_t code = 0; code < codes; ++code) {
            const double exact = power * model.log(measured[k], code);
            const double off = std::fabs(static_cast<double>(tables[k * codes + code]) - exact);
            worst = std::max(worst, off / (1e-5 + 1e-5 * std::fabs(exact)));
          }
        CHECK(worst < 0.5);
      }
    }
  });
}

TEST_CASE("level_likelihoods.keep_to_their_table") {
  at_every_level([] {
    for (std::size_t codes = 1; codes < 40; ++codes) {
      const Model model(codes);
      const float measured[] = {-80, NAN};
      std::vector<float> tables(2 * codes + 1, 7.0f);
      REQUIRE(level_likelihoods(measured, 2, model.scatter(), 1, tables.data()).ok());
      CHECK(tables[2 * codes] == 7.0f);
    }
  });
}

TEST_CASE("level_likelihoods.refuse_wrong_values") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const struct {
    std::vector<float> Model::* values;
    Argument argument;
    std::vector<float> wrong;
  } cases[] = {
      {&Model::mean_db, Argument::mean_db, {10001, -10001}},
      {&Model::sigma_db, Argument::sigma_db, {0, -1, 0.0009f, 10001}},
      {&Model::tail_factor, Argument::tail_factor, {0, -1, 0.0009f, 1001}},
      {&Model::narrow, Argument::narrow, {-0.1f, 1.1f}},
      {&Model::wide, Argument::wide, {-0.1f, 1.1f}},
      {&Model::outliers, Argument::outliers, {0, -1, 9e-21f, 1000001}},
      {&Model::silent, Argument::silent, {10001, -10001}},
  };
  at_every_level([&] {
    const float measured[] = {-70, NAN, -90};
    std::vector<float> tables(3 * 37);
    for (const auto& one : cases)
      for (const std::size_t place : {0U, 15U, 31U, 32U, 36U}) {
        std::vector<float> wrong = one.wrong;
        wrong.insert(wrong.end(), {nan, infinity, -infinity});
        for (const float value : wrong) {
          Model model(37);
          (model.*one.values)[place] = value;
          CAPTURE(name(one.argument));
          CAPTURE(value);
          const Status status = level_likelihoods(measured, 3, model.scatter(), 1, tables.data());
          CHECK(status.code == Code::out_of_range);
          CHECK(status.argument == one.argument);
          CHECK(status.index == place);
        }
      }
    const Model model(37);
    for (const float value : {infinity, -infinity, 10001.0f}) {
      const float given[] = {-70, nan, value};
      const Status status = level_likelihoods(given, 3, model.scatter(), 1, tables.data());
      CHECK(status.code == Code::out_of_range);
      CHECK(status.argument == Argument::measured_db);
      CHECK(status.index == 2);
    }
    for (const double power : {0.0, -1.0, 1000001.0, std::nan(""), HUGE_VAL})
      CHECK(level_likelihoods(measured, 3, model.scatter(), power, tables.data()).argument ==
            Argument::power);
    CHECK(level_likelihoods(measured, 0, model.scatter(), 1, tables.data()).argument ==
          Argument::measured_db);
    const Model none(0);
    CHECK(level_likelihoods(measured, 3, none.scatter(), 1, tables.data()).code == Code::empty);
  });
}
