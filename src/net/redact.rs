//! Secrets in text from a server: a proxy may repeat the request, and with it a token.

/// `text` with every secret replaced by `…`.
pub(crate) fn redact(text: &str, secrets: &[impl AsRef<str>]) -> String {
    let secrets = secrets.iter().map(AsRef::as_ref).filter(|secret| !secret.is_empty());
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_is_replaced() {
        assert_eq!(redact("bad token 12:ab, ab", &["12:ab", "ab", ""]), "bad token …, …");
    }
}
