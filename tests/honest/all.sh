# What an honest script does with the system's small programs.
set -eu
cd "$(mktemp -d)"
seq 100000 > numbers
sort -rn -S 8M numbers | head -n 1 | grep -qx 100000
cp -a numbers copy && cmp numbers copy
cp --reflink=auto numbers again && mv again moved
mkdir -p folder/inner && ln -s ../numbers folder/link && ln numbers folder/hard
cp -a folder folder-copy
touch -d 2001-01-01 folder/inner && chmod 750 folder && chmod u+s copy
test "$(stat -c %a folder)" = 750
ls -laR . > /dev/null && du -s . > /dev/null && df . > /dev/null
find . -name 'num*' -exec cat {} + | wc -l | grep -qx 100000
seq 20 | xargs -P 4 -n 1 sh -c 'echo "$0"' | sort -n | tail -n 1 | grep -qx 20
dd if=/dev/zero of=zeros bs=64k count=16 status=none && truncate -s 10 zeros
head -c 16 /dev/urandom | od -An -tx1 > /dev/null
tar cf all.tar folder numbers && mkdir out && tar xpf all.tar -C out && cmp numbers out/numbers
gzip -c numbers > numbers.gz && gunzip -c numbers.gz | cmp - numbers
sha256sum numbers | sha256sum -c --quiet
mkfifo pipe && { cat numbers > pipe & } && tee < pipe copy2 > /dev/null && wait && cmp numbers copy2
timeout 5 sleep 0.01
nice -n 1 true
nohup true 2> /dev/null
( trap 'echo heard > heard' TERM; sleep 0.2 & kill -TERM "$(sh -c 'echo $PPID')"; wait ) || true
flock numbers true
! flock numbers flock -n numbers true
sync numbers && sync
tail -f numbers --pid=$$ > /dev/null & follower=$!; sleep 0.1; kill "$follower"
awk 'BEGIN { print 1 + 1 }' | grep -qx 2
sed -i s/1/2/ numbers
mktemp > /dev/null && nproc > /dev/null && id > /dev/null && uname -a > /dev/null && date > /dev/null
env -i true && seq 5 | shuf > /dev/null && yes | head -n 1000 > /dev/null
setsid true && stdbuf -oL true
rm -rf folder folder-copy out
echo "all good"
