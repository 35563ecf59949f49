//! Servers that show who they are.

use std::process::Command;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use workflow_agents::Http;

use crate::server::answer;
use crate::setting::{Setting, role};

/// Not a test by itself: the process that trusts whom the system trusts.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_asks() {
    let Ok(url) = std::env::var("AGENTS_TEST_URL") else { return };
    let setting = Setting::with(role(&["localhost"]).private()).await;
    let told = setting.ask(Http::get(url)).await;
    println!("told: {:?}", told.map(|answer| answer.body.text));
}

/// A server with a certificate of its own making; gives its port, and the certificate.
async fn server() -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("it is made");
    let key =
        rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("it is one");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("it knows them")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("they fit");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let port = listener.local_addr().expect("it has one").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                drop(stream.read(&mut [0; 4096]).await);
                drop(stream.write_all(answer("200 OK", "", "in confidence").as_bytes()).await);
                drop(stream.shutdown().await);
            });
        }
    });
    (port, made.cert.pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_vouched_for_is_asked_and_nobody_else() {
    let (port, certificate) = server().await;
    let file = std::env::temp_dir().join(format!("agents-{}.pem", std::process::id()));
    std::fs::write(&file, certificate).unwrap();
    let ask = |trusted: Option<&std::path::Path>| {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["--exact", "tls::a_process_that_asks", "--nocapture"]);
        process.env("AGENTS_TEST_URL", format!("https://localhost:{port}/")).env_remove("SSL_CERT_DIR");
        match trusted {
            Some(file) => process.env("SSL_CERT_FILE", file),
            None => process.env_remove("SSL_CERT_FILE"),
        };
        tokio::task::spawn_blocking(move || String::from_utf8(process.output().unwrap().stdout).unwrap())
    };
    let told = ask(Some(&file)).await.unwrap();
    assert!(told.contains("told: Ok(\"in confidence\")"), "{told}");
    let told = ask(None).await.unwrap();
    assert!(told.contains("told: Err(") && told.contains("certificate"), "{told}");
    std::fs::remove_file(&file).unwrap();
}
