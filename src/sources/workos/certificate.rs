//! How much of a Postgres server's certificate is believed.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::SOURCE;
use super::address::Verify;
use crate::sources::error::SourceError;

/// A TLS connector that verifies as asked.
///
/// # Errors
/// `NeedsUser` if the certificate file cannot be used or the system has no authorities.
pub(crate) fn connector(verify: &Verify) -> Result<MakeRustlsConnect, SourceError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match verify {
        Verify::Nothing => Arc::new(Trust { provider: provider.clone(), authorities: None }),
        Verify::Authority(file) => Arc::new(Trust::file(provider.clone(), file, false)?),
        Verify::AuthorityAndName(file) => Arc::new(Trust::file(provider.clone(), file, true)?),
        Verify::System => Arc::new(rustls_platform_verifier::Verifier::new(provider.clone()).map_err(|e| {
            let advice = "Set sources.workos.ca_file to a PEM file with the authority of the server's certificate.";
            SourceError::needs_user(SOURCE, format!("the system's certificates cannot be used: {e}"), advice)
        })?),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| SourceError::outage(SOURCE, format!("cannot set up TLS: {e}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Trust in the authorities of a file, or in anybody.
#[derive(Debug)]
struct Trust {
    provider: Arc<CryptoProvider>,
    authorities: Option<Authorities>,
}

#[derive(Debug)]
struct Authorities {
    roots: RootCertStore,
    certificates: Vec<CertificateDer<'static>>,
    check_name: bool,
}

impl Trust {
    fn file(provider: Arc<CryptoProvider>, path: &Path, check_name: bool) -> Result<Self, SourceError> {
        let unusable = |why: String| {
            let advice = "Set sources.workos.ca_file to a PEM file with the authority of the server's certificate.";
            SourceError::needs_user(SOURCE, format!("cannot use the certificates in {}: {why}", path.display()), advice)
        };
        // A pipe or a device could keep the reader waiting for ever.
        if !path.metadata().map_err(|e| unusable(e.to_string()))?.is_file() {
            return Err(unusable("it is not a file".into()));
        }
        let pem = fs::read(path).map_err(|e| unusable(e.to_string()))?;
        let certificates: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|e| unusable(e.to_string()))?;
        let mut roots = RootCertStore::empty();
        let (usable, _) = roots.add_parsable_certificates(certificates.iter().cloned());
        if usable == 0 {
            return Err(unusable("there is none".into()));
        }
        Ok(Self { provider, authorities: Some(Authorities { roots, certificates, check_name }) })
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(authorities) = &self.authorities else { return Ok(ServerCertVerified::assertion()) };
        let parsed = ParsedCertificate::try_from(end_entity)?;
        // A self-signed server certificate in the file is trusted as it is: it has no authority to be checked against.
        if !authorities.certificates.contains(end_entity) {
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, &authorities.roots, intermediates, now, algorithms)?;
        }
        if authorities.check_name {
            verify_server_name(&parsed, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
