//! Whether a program lies in its macOS app, which is what Apple's login items start.

use std::path::Path;

use super::{LoginItemError, Result};

/// `…/Name.app/Contents/MacOS/program`.
pub(crate) fn is_bundled(program: &Path) -> bool {
    let mut above = program.ancestors().skip(1);
    let folders = [above.next(), above.next()].map(|folder| folder.and_then(Path::file_name));
    let app = above.next().and_then(Path::extension);
    folders == [Some("MacOS".as_ref()), Some("Contents".as_ref())] && app.is_some_and(|ending| ending == "app")
}

/// # Errors
/// When the system could not start this program as an app in the way that was asked for.
pub(crate) fn fit_for_app(program: &Path, config: Option<&Path>) -> Result<()> {
    match config {
        _ if !is_bundled(program) => Err(LoginItemError::Unbundled(program.to_path_buf())),
        Some(config) => Err(LoginItemError::ConfigOfApp(config.to_path_buf())),
        None => Ok(()),
    }
}

/// # Errors
/// When macOS runs the program from a place that will not be there the next time.
pub(crate) fn settled(program: &Path) -> Result<()> {
    let passing = program.components().any(|part| part.as_os_str() == "AppTranslocation");
    if passing { Err(LoginItemError::Translocated) } else { Ok(()) }
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
    fn an_app_is_known_by_its_folders(#[case] program: &str, #[case] bundled: bool) {
        assert_eq!(is_bundled(Path::new(program)), bundled);
    }
}
