//! The attack suite at level 3, which requires control groups and therefore a virtual machine with
//! its own kernel. Writes `docs/security/attacks-level-3.md`.
//!
//! `REGEN_TEST=all REGEN_TEST_KERNEL=/boot/vmlinuz… cargo test --test it vm -- --nocapture`, with
//! `qemu-system-x86_64` and a static `busybox`. Takes some minutes.
#![expect(clippy::print_stdout, reason = "the table is to be read")]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::attacks::{self, Row};

/// The first program: leaves the initramfs, whose root cannot be pivoted.
const FIRST: &str = "#!/busybox sh
/busybox mkdir /new
/busybox mount -t tmpfs -o mode=0755 none /new
/busybox cp -a /busybox /second /etc /lib* /usr /programs /new/
cd /new && /busybox mkdir proc sys dev tmp root home
/busybox ln -s usr/bin bin
exec /busybox switch_root /new /second
";
/// The second program: sets up control groups for root and for a user, and runs the suite as each.
const SECOND: &str = "#!/busybox sh
/busybox mkdir -p /applets && /busybox --install -s /applets
export PATH=/usr/bin:/applets
mount -t proc proc /proc && mount -t sysfs none /sys && mount -t devtmpfs none /dev
mkdir -p /dev/shm && mount -t tmpfs -o mode=1777 none /tmp && ifconfig lo up
mount -t cgroup2 none /sys/fs/cgroup && cd /sys/fs/cgroup && echo '+memory +pids' > cgroup.subtree_control
for who in root somebody; do
  mkdir -p $who && echo '+memory +pids' > $who/cgroup.subtree_control && mkdir $who/run
  chown -R $who $who
  echo \"AS $who\"
  (echo 0 > $who/run/cgroup.procs; cd / && exec su -s /applets/sh $who -c \\
    'REGEN_ATTACKS=/programs MARKER=marker-5d81c2 /programs/test \\
      --exact attacks::every_attack_is_stopped --nocapture 2>&1')
done
echo END
poweroff -f
";

/// Copies a program with its libraries.
fn install(root: &Path, program: &Path, at: &Path) {
    let copy = |from: &Path, to: &Path| {
        let to = root.join(to.strip_prefix("/").unwrap_or(to));
        std::fs::create_dir_all(to.parent().expect("has one")).expect("is made");
        std::fs::copy(from, &to).expect("copies");
        std::fs::set_permissions(to, PermissionsExt::from_mode(0o755)).expect("is set");
    };
    copy(program, at);
    let list = Command::new("ldd").arg(program).output().expect("there is ldd").stdout;
    let list = String::from_utf8_lossy(&list);
    for path in list.split_ascii_whitespace().filter(|word| word.starts_with('/')) {
        copy(Path::new(path), Path::new(path));
    }
}

/// The initramfs, uncompressed.
fn initial(folder: &Path) -> PathBuf {
    let root = folder.join("root");
    let programs = attacks::programs();
    for name in ["regen", "test", "attack"] {
        let program = programs.path().join(name);
        let stripped = Command::new("strip").arg("--strip-debug").arg(&program).status();
        assert!(stripped.expect("there is strip").success());
        install(&root, &program, &Path::new("/programs").join(name));
    }
    for name in ["sleep", "env", "true"] {
        let path = Path::new("/usr/bin").join(name);
        install(&root, &path, &path);
    }
    let busybox = ["/usr/bin/busybox", "/bin/busybox"].map(Path::new);
    let busybox = busybox.into_iter().find(|path| path.is_file()).expect("there is busybox");
    install(&root, busybox, Path::new("/busybox"));
    std::fs::create_dir_all(root.join("etc")).expect("is made");
    let users = "root:x:0:0::/:/busybox\nsomebody:x:1000:1000::/:/busybox\nnobody:x:65534:65534::/:/busybox\n";
    for (name, text) in [("etc/passwd", users), ("etc/group", "root:x:0:\nsomebody:x:1000:\n")] {
        std::fs::write(root.join(name), text).expect("writes");
    }
    for (name, text) in [("init", FIRST), ("second", SECOND)] {
        std::fs::write(root.join(name), text).expect("writes");
        std::fs::set_permissions(root.join(name), PermissionsExt::from_mode(0o755))
            .expect("is set");
    }
    if !root.join("lib").exists() {
        symlink("usr/lib", root.join("lib")).expect("links");
    }
    let image = folder.join("initial");
    let packed = Command::new(busybox)
        .args(["sh", "-c", "cd \"$0\" && find . | busybox cpio -o -H newc > \"$1\""])
        .args([&root, &image])
        .stderr(Stdio::null())
        .status();
    assert!(packed.expect("there is busybox").success());
    image
}

#[test]
fn at_level_3_every_attack_is_stopped() {
    if !crate::world::all() {
        return;
    }
    let Some(kernel) = std::env::var_os("REGEN_TEST_KERNEL") else {
        println!("not run: REGEN_TEST_KERNEL names no kernel to start in a virtual machine");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let image = initial(folder.path());
    let mut machine = Command::new("timeout");
    machine.args(["1200", "qemu-system-x86_64"]);
    let mut machine = machine
        // Not KVM, which is broken on some machines.
        .args(["-accel", "tcg,thread=multi", "-cpu", "max"])
        .args(["-m", "4096", "-smp", "2", "-nographic", "-no-reboot", "-nic", "none"])
        .args(["-append", "console=ttyS0 panic=-1"])
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(image)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("there is qemu-system-x86_64");
    let mut said = String::new();
    for line in BufReader::new(machine.stdout.take().expect("is piped")).lines() {
        let line = line.unwrap_or_default();
        println!("{line}");
        said += &format!("{}\n", line.trim_end());
    }
    machine.wait().expect("ends");
    assert!(said.contains("\nEND\n"), "{said}");
    let part = |from: &str, to: &str| -> Vec<Row> {
        let part = said.split(from).nth(1).and_then(|rest| rest.split(to).next());
        attacks::rows(part.unwrap_or_default())
    };
    let tables =
        [("root", part("AS root\n", "AS somebody\n")), ("a user", part("AS somebody\n", "END\n"))];
    for (who, rows) in &tables {
        let count = rows.iter().filter(|row| row.backend == "namespaces, level 3").count();
        assert!(count > 50, "{who}: {said}");
    }
    attacks::conclude("attacks-level-3.md", "vm::at_level_3_every_attack_is_stopped", &tables);
}
