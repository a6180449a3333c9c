#!/bin/sh
# fetch.sh FOLDER PACKAGE...: fetches the packages, and all that they depend on, as FOLDER/*.deb. TARGETARCH is the machine that
# they are for, as Debian calls it; without it, this one. What is installed here does not count, and apt's lists stay as they are.
set -eu
folder=$1
shift
arch=${TARGETARCH:-$(dpkg --print-architecture)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$folder/partial" "$work/lists/partial"
: >"$work/status"  # nothing is installed
cat >"$work/apt.conf" <<END
APT::Architecture "$arch";
APT::Architectures "$arch";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Dir::State::lists "$work/lists";
Dir::State::status "$work/status";
Dir::Cache::archives "$(realpath "$folder")";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
END
export APT_CONFIG="$work/apt.conf"
apt-get -q update
apt-get -q -y --download-only install "$@"
