// Messages to bytes and back. The rules are in PROTOCOL.md.
#ifndef SMT_PROTO_CODEC_H_
#define SMT_PROTO_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "proto/batch_reader.h"
#include "proto/limits.h"
#include "proto/smtrelay.pb.h"

namespace smt::proto {

inline constexpr uint32_t kVersion = 1;
inline constexpr uint32_t kMinVersion = 1;

// XXH3-64 of a payload: the seed of the header's check.
uint64_t payload_hash(std::span<const std::byte> payload);

// The header frame of a message whose body is serialised already; `field` is its number in Envelope.
// Serves to give one Batch to several sessions.
std::string seal_message(uint64_t session, uint64_t number, int field, std::string_view body,
                         uint64_t payload_hash, bool prompt = false);
// The same in place of what is in `*out`, whose memory is used again.
void seal_message(uint64_t session, uint64_t number, int field, std::string_view body, uint64_t payload_hash,
                  bool prompt, std::string* out);

// The number in Envelope of a message.
template <class Body>
inline constexpr int kFieldOf = 0;
template <>
inline constexpr int kFieldOf<Hello> = Envelope::kHelloFieldNumber;
template <>
inline constexpr int kFieldOf<Reset> = Envelope::kResetFieldNumber;
template <>
inline constexpr int kFieldOf<Want> = Envelope::kWantFieldNumber;
template <>
inline constexpr int kFieldOf<Announce> = Envelope::kAnnounceFieldNumber;
template <>
inline constexpr int kFieldOf<Forget> = Envelope::kForgetFieldNumber;
template <>
inline constexpr int kFieldOf<StateChange> = Envelope::kStateFieldNumber;
template <>
inline constexpr int kFieldOf<Batch> = Envelope::kBatchFieldNumber;
template <>
inline constexpr int kFieldOf<Chunk> = Envelope::kChunkFieldNumber;
template <>
inline constexpr int kFieldOf<Report> = Envelope::kReportFieldNumber;
template <>
inline constexpr int kFieldOf<Get> = Envelope::kGetFieldNumber;
template <>
inline constexpr int kFieldOf<Reply> = Envelope::kReplyFieldNumber;
template <>
inline constexpr int kFieldOf<Resume> = Envelope::kResumeFieldNumber;
template <>
inline constexpr int kFieldOf<Trace> = Envelope::kTraceFieldNumber;
template <>
inline constexpr int kFieldOf<Traced> = Envelope::kTracedFieldNumber;
template <>
inline constexpr int kFieldOf<Set> = Envelope::kSetFieldNumber;
template <>
inline constexpr int kFieldOf<SetReply> = Envelope::kSetReplyFieldNumber;

// `hash_of_payload`: only of a message that has a payload.
template <class Body>
std::string seal_message(uint64_t session, uint64_t number, const Body& body,
                         uint64_t hash_of_payload = payload_hash({})) {
  static_assert(kFieldOf<Body> != 0);
  return seal_message(session, number, kFieldOf<Body>, body.SerializeAsString(), hash_of_payload);
}

enum class Opened {
  kOk,
  kMalformed,  // not the bytes of an Envelope with one body of this version
  kCorrupt,    // the check does not match: damaged on the way
};

// Hostile input: bounded, checked, and only then believed. `*e` is scratch on any failure.
Opened open_message(std::span<const std::byte> header, std::span<const std::byte> payload, Envelope* e);
// The same of a Batch in fewer instructions: its columns come into `*columns`, and not into `*e`. Without
// rows they cannot be those of a Batch. Scratch on any failure, and of any other message.
Opened open_message(std::span<const std::byte> header, std::span<const std::byte> payload, Envelope* e,
                    BatchColumns* columns);

}  // namespace smt::proto

#endif  // SMT_PROTO_CODEC_H_
