//! Whether a program is inside a macOS app bundle, which Apple's login items require.

use std::path::Path;

use super::{Error, Result};

/// `…/Name.app/Contents/MacOS/program`.
pub(crate) fn is_bundled(program: &Path) -> bool {
    let mut above = program.ancestors().skip(1);
    let folders = [above.next(), above.next()].map(|folder| folder.and_then(Path::file_name));
    let app = above.next().and_then(Path::extension);
    folders == [Some("MacOS".as_ref()), Some("Contents".as_ref())] && app.is_some_and(|ending| ending == "app")
}

pub(crate) fn ensure_app(program: &Path, config: Option<&Path>) -> Result<()> {
    match config {
        _ if !is_bundled(program) => Err(Error::Unbundled(program.to_path_buf())),
        Some(config) => Err(Error::ConfigOfApp(config.to_path_buf())),
        None => Ok(()),
    }
}

pub(crate) fn ensure_installed(program: &Path) -> Result<()> {
    let is_translocated = program.components().any(|part| part.as_os_str() == "AppTranslocation");
    if is_translocated { Err(Error::Translocated) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/Applications/Operator.app/Contents/MacOS/operator", true)]
    #[case("/Users/ada/My Apps/Operator 2.app/Contents/MacOS/Operator", true)]
    #[case("/Applications/Operator.app/Contents/Resources/operator", false)]
    #[case("/opt/Contents/MacOS/operator", false)]
    #[case("/usr/local/bin/operator", false)]
    #[case("operator", false)]
    fn bundle_is_recognised_by_its_folders(#[case] program: &str, #[case] bundled: bool) {
        assert_eq!(is_bundled(Path::new(program)), bundled);
    }
}
