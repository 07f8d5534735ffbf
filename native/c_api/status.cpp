#include <cstring>
#include <initializer_list>

#include "arena.hpp"
#include "inner.hpp"
#include "rssfix/simd_level.hpp"

using namespace rssfix;

static_assert(RSSFIX_OUT_OF_MEMORY == static_cast<int>(Code::out_of_memory));
static_assert(RSSFIX_NOT_POSITIVE_DEFINITE == static_cast<int>(Code::not_positive_definite));
static_assert(RSSFIX_OUT_OF_RANGE == static_cast<int>(Code::out_of_range));

namespace {

// snprintf without printf, which is large on small machines.
class Text {
 public:
  Text(char* to, std::size_t size) noexcept : to_(to), size_(to == nullptr ? 0 : size) {}
  void add(const char* text) noexcept {
    for (; *text != 0; ++text)
      add(*text);
  }
  void add(std::size_t number) noexcept {
    if (number >= 10)
      add(number / 10);
    add(static_cast<char>('0' + number % 10));
  }
  std::size_t finish() noexcept {
    if (size_ > 0)
      to_[length_ < size_ ? length_ : size_ - 1] = 0;
    return length_;
  }

 private:
  void add(char one) noexcept {
    if (length_ + 1 < size_)
      to_[length_] = one;
    ++length_;
  }

  char* to_;
  std::size_t size_;
  std::size_t length_ = 0;
};

// Of one value, or of the whole argument.
bool has_place(Code code) noexcept {
  return code != Code::empty && code != Code::missing && code != Code::misaligned &&
         code != Code::too_small && code != Code::out_of_memory &&
         code != Code::not_positive_definite;
}

} // namespace

Status rssfix::c::check_memory(const void* memory, std::size_t size, std::size_t needed) noexcept {
  if (memory == nullptr)
    return {Code::missing, Argument::memory};
  if (!aligned(memory))
    return {Code::misaligned, Argument::memory};
  if (size < needed)
    return {Code::too_small, Argument::memory};
  return {};
}

const char* rssfix_argument_name(int32_t argument) {
  return argument < 0 || argument > UINT8_MAX ? "" : name(static_cast<Argument>(argument));
}

const char* rssfix_expected(int32_t code) {
  return code < 0 || code > RSSFIX_OUT_OF_MEMORY ? "" : expected(static_cast<Code>(code));
}

size_t rssfix_status_text(rssfix_status status, char* text, size_t size) {
  Text whole(text, size);
  if (status.code == RSSFIX_OK) {
    whole.add("ok");
    return whole.finish();
  }
  whole.add(rssfix_argument_name(status.argument));
  // An index of 0 may be a scalar's, whose name says enough.
  if (status.index > 0 && has_place(static_cast<Code>(status.code))) {
    whole.add("[");
    whole.add(status.index);
    whole.add("]");
  }
  whole.add(": expected ");
  whole.add(rssfix_expected(status.code));
  return whole.finish();
}

const char* rssfix_version(void) {
  return RSSFIX_VERSION;
}

const char* rssfix_build_info(void) {
  return RSSFIX_COMPILER ", " RSSFIX_FLAGS;
}

const char* rssfix_simd(void) {
  return name(simd_level());
}

int rssfix_set_simd(const char* level) {
  for (const SimdLevel one : {SimdLevel::baseline, SimdLevel::avx2, SimdLevel::avx512})
    if (level != nullptr && std::strcmp(level, name(one)) == 0)
      return set_simd_level(one) ? 1 : 0;
  return 0;
}
