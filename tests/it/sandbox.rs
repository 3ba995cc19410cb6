//! Programs in a sandbox, under every backend that works here.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use regen::process::{Ended, Output, Program};
use regen::sandbox::{
    Backend, Bwrap, Landlock, Namespaces, Policy, Probe, Sandbox, attempt, probe,
};
use regen::types::{Isolation, Limits, LimitsConfig, Resource};

const KEEPER: &str = env!("CARGO_BIN_EXE_regen");

#[tokio::test]
async fn xx() {
    let cache = tempfile::tempdir().unwrap();
    for b in [Arc::new(Namespaces) as Arc<dyn Backend>, Arc::new(Bwrap), Arc::new(Landlock)] {
        let s = Sandbox::new(Path::new(KEEPER), b.clone(), cache.path(), 16000);
        let t = std::time::Instant::now();
        println!("{} {:?} {:?}", b.name(), attempt(&s).await, t.elapsed());
    }
    let p = probe(Path::new(KEEPER), cache.path(), 16000).await;
    println!("{p:?}");
    for b in [Arc::new(Namespaces) as Arc<dyn Backend>, Arc::new(Landlock)] {
        let s = Sandbox::new(Path::new(KEEPER), b.clone(), cache.path(), 16000);
        let policy = Policy {
            files: vec![("a.txt".into(), b"hello".to_vec())],
            toolchain: "/root/.rustup/toolchains/1.95.0-x86_64-unknown-linux-gnu".into(),
            layer: None,
            building: false,
            read_only: vec![],
            limits: Limits::of(&LimitsConfig::default()),
        };
        let t = std::time::Instant::now();
        let s = s.open(&policy).await.unwrap();
        println!("open {:?}", t.elapsed());
        for script in [
            "id; pwd; ls -la / /src /proc | head -40; cat /proc/self/status | grep -E 'Cap|Seccomp|NoNew'; cat /proc/self/mounts | cut -c1-100; ls -la /dev /tmp",
            "cat *.txt; echo x > /tmp/x; ls /tmp; echo y > /target/y; cargo --version; touch /usr/x; cat /etc/shadow; exit 7",
        ] {
            let program = Program {
                path: "/bin/sh".into(),
                args: vec!["-c".into(), script.into()],
                dir: s.paths().source.clone(),
                env: vec![("PATH".into(), "/toolchain/bin:/usr/bin:/bin".into())],
                stdin: None,
                timeout: Duration::from_secs(5),
            };
            let t = std::time::Instant::now();
            match s.run(&program, true).await {
                Ok(out) => {
                    println!("{:?} {:?}\n{}\n{}", out.ended, t.elapsed(), out.text(), out.errors())
                }
                Err(e) => println!("{e}"),
            }
        }
        let t = std::time::Instant::now();
        s.close().await;
        println!("close {:?}", t.elapsed());
    }
}
