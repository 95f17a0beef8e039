//! TLS to Postgres, with libpq's levels of certificate verification.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::SOURCE;
use super::database_url::TlsVerify;
use crate::sources;

const CA_ADVICE: &str = "Set sources.workos.ca_file to a PEM file with the authority of the server's certificate.";

pub(crate) fn connector(verify: &TlsVerify) -> Result<MakeRustlsConnect, sources::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match verify {
        TlsVerify::Off => Arc::new(Verifier { provider: provider.clone(), roots: None }),
        TlsVerify::Ca(file) => Arc::new(Verifier::from_file(provider.clone(), file, false)?),
        TlsVerify::Full(file) => Arc::new(Verifier::from_file(provider.clone(), file, true)?),
        TlsVerify::System => Arc::new(rustls_platform_verifier::Verifier::new(provider.clone()).map_err(|error| {
            let message = format!("the system's certificates cannot be used: {error}");
            sources::Error::action_required(SOURCE, message, CA_ADVICE)
        })?),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| sources::Error::transient(SOURCE, format!("cannot set up TLS: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// `None` accepts every certificate.
    roots: Option<RootStore>,
}

/// The certificates of a PEM file.
#[derive(Debug)]
struct RootStore {
    roots: RootCertStore,
    certificates: Vec<CertificateDer<'static>>,
    check_name: bool,
}

impl Verifier {
    fn from_file(provider: Arc<CryptoProvider>, path: &Path, check_name: bool) -> Result<Self, sources::Error> {
        let unusable = |reason: String| {
            let message = format!("cannot use the certificates in {}: {reason}", path.display());
            sources::Error::action_required(SOURCE, message, CA_ADVICE)
        };
        // A pipe or a device could block the reader forever.
        if !path.metadata().map_err(|error| unusable(error.to_string()))?.is_file() {
            return Err(unusable("it is not a file".into()));
        }
        let pem = fs::read(path).map_err(|error| unusable(error.to_string()))?;
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|error| unusable(error.to_string()))?;
        let mut roots = RootCertStore::empty();
        let (usable, _) = roots.add_parsable_certificates(certificates.iter().cloned());
        if usable == 0 {
            return Err(unusable("it holds none".into()));
        }
        Ok(Self { provider, roots: Some(RootStore { roots, certificates, check_name }) })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(store) = &self.roots else { return Ok(ServerCertVerified::assertion()) };
        let parsed = ParsedCertificate::try_from(end_entity)?;
        // A self-signed server certificate in the file is trusted as it is: it has no authority to check.
        if !store.certificates.contains(end_entity) {
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, &store.roots, intermediates, now, algorithms)?;
        }
        if store.check_name {
            verify_server_name(&parsed, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
