#!/bin/sh
# Every `pub fn`, `pub struct`, `pub enum`, `pub trait` and `pub const` at the start of a line has a
# documentation comment or an attribute in the line before it. Reads regen's request, answers with a report.
tree=$(sed 's/.*"tree":"\([^"]*\)".*/\1/')
cd "$tree" || exit 1
find src -name '*.rs' | sort | xargs awk '
  /^pub (fn|struct|enum|trait|const) / && before !~ /^(\/\/\/|#\[)/ {
    name = $3; sub(/[^A-Za-z0-9_].*/, "", name)
    found = found sep sprintf("{\"rule\":\"documented\",\"file\":\"%s\",\"line\":%d,\"message\":\"the public item `%s` has no documentation\",\"remedy\":\"write a line that begins with `///` directly above it\"}", FILENAME, FNR, name)
    sep = ","
  }
  { before = $0 }
  END { printf "{\"version\":1,\"outcome\":\"%s\",\"findings\":[%s]}\n", found == "" ? "pass" : "fail", found }
'
