//! TLS servers: a certificate is verified against the machine's roots and the requested name.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::server::{Server, lib};
use crate::world::{GOOD, Run, World};

/// A certificate authority with a certificate for `127.0.0.1`, and its key. No machine trusts it.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// Puts TLS in front of a server. Gives the port.
fn behind_tls(server: &Server) -> u16 {
    let certificate = CertificateDer::from_pem_file(fixture("server.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).expect("a key");
    let config =
        ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config.with_no_client_auth().with_single_cert(vec![certificate], key)
            });
    let config = Arc::new(config.expect("a key that fits"));
    let behind = server.url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, behind) = (Arc::clone(&config), behind.clone());
            std::thread::spawn(move || relay(stream, config, &behind));
        }
    });
    port
}

/// Forwards one request and its answer. A rejected handshake ends it.
fn relay(stream: TcpStream, config: Arc<ServerConfig>, behind: &str) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut client = StreamOwned::new(connection, stream);
    let mut plain = TcpStream::connect(behind)?;
    let mut answers = plain.try_clone()?;
    let mut buffer = vec![0; 1024 * 1024];
    let mut request = Vec::new();
    while !whole(&request) {
        let read = client.read(&mut buffer)?;
        request.extend_from_slice(&buffer[..read]);
        if read == 0 {
            return Ok(());
        }
    }
    plain.write_all(&request)?;
    loop {
        let read = answers.read(&mut buffer)?;
        if read == 0 {
            client.conn.send_close_notify();
            client.flush()?;
            return client.sock.shutdown(Shutdown::Write);
        }
        client.write_all(&buffer[..read])?;
    }
}

/// Whether a request with its body has arrived.
fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0_usize);
    body.len() >= length
}

/// Runs the adder with a TLS server, by the requested name.
fn run(host: &str, roots: Option<&str>) -> (Run, usize) {
    let server = Server::start(vec![lib(GOOD)]);
    let url = format!("https://{host}:{}/v1", behind_tls(&server));
    let world = World::adder(&url);
    let mut command = world.command(&["--spec", "adder"]);
    if let Some(roots) = roots {
        command.env("SSL_CERT_FILE", fixture(roots));
    }
    let output = command.output().expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let code = output.status.code().unwrap_or(-1);
    let run = Run { code, out: text(output.stdout), err: text(output.stderr) };
    (run, server.requests().len())
}

#[test]
fn a_trusted_certificate_is_accepted() {
    let (run, requests) = run("127.0.0.1", Some("ca.pem"));
    run.expect(0);
    assert_eq!(requests, 1);
}

#[test]
fn an_unknown_authority_is_rejected() {
    let (run, requests) = run("127.0.0.1", None);
    assert!(run.err.contains("UnknownIssuer"), "{}", run.err);
    run.expect(30);
    assert_eq!(requests, 0);
}

#[test]
fn a_certificate_for_another_name_is_rejected() {
    let (run, requests) = run("localhost", Some("ca.pem"));
    assert!(run.err.contains("not valid for name"), "{}", run.err);
    run.expect(30);
    assert_eq!(requests, 0);
}
