//! The one cryptography provider that every TLS connection uses.

/// Makes ring the process's provider; harmless when done before.
pub fn install() {
    let _already = rustls::crypto::ring::default_provider().install_default();
}
