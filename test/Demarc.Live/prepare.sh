#!/usr/bin/env bash
# Installs what the live tests compare us with. Each piece is optional: a test whose piece is missing is skipped and says so.
set -uo pipefail
cd "$(dirname "$0")"

packages=()
command -v age >/dev/null || packages+=(age)
command -v chromium >/dev/null || packages+=(chromium)
command -v go >/dev/null || packages+=(golang-go)
[ -d /usr/share/gocode/src/golang.org/x/mod/sumdb ] || packages+=(golang-golang-x-mod-dev)
# Without a Japanese font the screenshots of the Japanese pages show boxes, and nobody can judge them.
fc-list :lang=ja 2>/dev/null | grep -q . || packages+=(fontconfig fonts-ipafont-gothic)
command -v node >/dev/null || packages+=(nodejs npm)
if [ "${#packages[@]}" -gt 0 ]; then
  echo "installing: ${packages[*]}"
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null ||
      echo "could not install all of: ${packages[*]}; the tests that need them will be skipped"
  else
    echo "not root, or no apt-get: install ${packages[*]} yourself; until then their tests are skipped"
  fi
fi

for folder in */package.json; do
  folder=$(dirname "$folder")
  [ -d "$folder/node_modules" ] && continue
  (cd "$folder" && npm install --no-audit --no-fund --silent --ignore-scripts) || echo "npm could not install what $folder needs; its tests will be skipped"
done
exit 0
