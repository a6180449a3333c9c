// Errors of libsmt: one value with a sentence. Outcomes that are part of normal life (nothing new, too slow,
// topic removed) are named results of the calls themselves and never a Status.
#ifndef SMT_SHM_STATUS_H_
#define SMT_SHM_STATUS_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace smt {

enum class Code {
  kOk,
  kInvalid,   // the caller's argument: a bad name, size or option
  kNotFound,  // no such topic, node or folder
  kInUse,     // another process, or another object of this one, has it
  kNoSpace,   // the folder, the segment or a table is full
  kDenied,    // rights, foreign owner, symlink where none may be
  kVersion,   // a segment of another layout version or byte order
  kDamaged,   // a segment whose bytes cannot be true
  kMismatch,  // another schema than the one asked for
  kForked,    // a node used in the child of a fork
  kSystem,    // a system call failed for another reason
};

// Success is a null pointer, so returning OK costs nothing on the data path.
// The message says what, where and what to do; it ends without a full stop.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : rep_(new Rep{code, std::move(message)}) {}
  Status(const Status& o) : rep_(o.rep_ ? new Rep(*o.rep_) : nullptr) {}
  Status& operator=(const Status& o) {
    rep_.reset(o.rep_ ? new Rep(*o.rep_) : nullptr);
    return *this;
  }
  Status(Status&&) = default;
  Status& operator=(Status&&) = default;

  // "what: strerror(error)"; the code follows from errno (ENOSPC, EACCES, ENOENT, ...).
  static Status from_errno(const std::string& what, int error);

  bool ok() const { return rep_ == nullptr; }
  Code code() const { return rep_ ? rep_->code : Code::kOk; }
  const std::string& message() const;

 private:
  struct Rep {
    Code code;
    std::string message;
  };
  std::unique_ptr<const Rep> rep_;
};

// A T, or the Status that says why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}          // NOLINT: implicit by design
  Result(Status status) : status_(std::move(status)) {}  // NOLINT: status must not be OK
  Result(Code code, std::string message) : status_(code, std::move(message)) {}

  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Status& status() const { return status_; }
  // REQUIRES: ok()
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace smt

#endif  // SMT_SHM_STATUS_H_
