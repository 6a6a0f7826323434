#!/usr/bin/env bash
# build.sh SOURCE ROOT copies the source tree of a repository to ROOT, with what is not
# committed there, and makes a release of it. UMASK is that of whoever builds.
set -euo pipefail
source=$1 root=$2
umask "${UMASK:-022}"

git clone --quiet --no-checkout "$source" "$root"
git -C "$root" checkout --quiet --detach "$(git -C "$source" rev-parse HEAD)"
if [ -n "$(git -C "$source" status --porcelain)" ]; then
	(cd "$source" && git ls-files --cached --others --exclude-standard -z | xargs -0 ls -d 2>/dev/null | tar --create --files-from=-) | tar --extract --directory "$root"
	git -C "$root" add --all
	GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z' \
		git -C "$root" -c user.name=tester -c user.email=tester@example.com commit --quiet --message 'What is not committed'
fi
cd "$root"
env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory release
