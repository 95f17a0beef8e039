//! Calls of Apple's tools that sign, notarize and pack the bundle.
//!
//! Operator needs no entitlements: it is not sandboxed, generates no code, loads no foreign library and reads no protected
//! data. Time-sensitive notifications need `com.apple.developer.usernotifications.time-sensitive` and a provisioning
//! profile; macOS kills an app that claims it without one. Without it they are ordinary notifications.

use std::path::Path;

use crate::call::Call;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finish {
    /// Developer ID; `None` signs ad hoc, for this Mac only.
    pub identity: Option<String>,
    /// Whether to make a disk image.
    pub image: bool,
    /// Keychain profile for notarization; requires `identity`.
    pub notarize: Option<String>,
}

impl Finish {
    /// The calls in order. `folder` holds the bundle and the link to Applications and becomes the image; `zip` is a
    /// temporary file for the upload to Apple.
    ///
    /// The app is notarized before it goes into the image, so that a copy of it starts offline too.
    #[must_use]
    pub fn calls(&self, app: &Path, folder: &Path, image: &Path, zip: &Path) -> Vec<Call> {
        let mut calls = vec![self.sign(app), verify(app)];
        if let Some(profile) = &self.notarize {
            calls.extend([pack(app, zip), submit(zip, profile), staple(app)]);
        }
        if self.image {
            calls.push(create(folder, image));
            calls.extend(self.identity.as_deref().map(|identity| sign_image(image, identity)));
            if let Some(profile) = &self.notarize {
                calls.extend([submit(image, profile), staple(image)]);
            }
        }
        calls
    }

    /// Ad hoc without the hardened runtime, because macOS kills an app with both. Notarization requires the runtime and a
    /// time stamp.
    fn sign(&self, app: &Path) -> Call {
        let call = Call::new("codesign").arg("--force");
        match &self.identity {
            None => call.words("--sign -"),
            Some(identity) => call.words("--options runtime --timestamp --sign").arg(identity),
        }
        .arg(app)
    }
}

fn verify(app: &Path) -> Call {
    Call::new("codesign").words("--verify --strict").arg(app)
}

fn pack(app: &Path, zip: &Path) -> Call {
    Call::new("ditto").words("-c -k --keepParent").arg(app).arg(zip)
}

fn create(folder: &Path, image: &Path) -> Call {
    let call = Call::new("hdiutil").words("create -volname Operator -fs APFS -format UDZO -srcfolder").arg(folder);
    call.arg(image)
}

fn sign_image(image: &Path, identity: &str) -> Call {
    Call::new("codesign").words("--force --timestamp --sign").arg(identity).arg(image)
}

fn submit(file: &Path, profile: &str) -> Call {
    Call::new("xcrun").words("notarytool submit --wait --keychain-profile").arg(profile).arg(file)
}

/// Also fails if Apple refused the submission, whose exit code does not say so.
fn staple(file: &Path) -> Call {
    Call::new("xcrun").words("stapler staple").arg(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(finish: &Finish) -> Vec<String> {
        let path = Path::new;
        finish.calls(path("i/O.app"), path("i"), path("o.dmg"), path("o.zip")).iter().map(Call::to_string).collect()
    }

    #[test]
    fn no_identity_signs_ad_hoc_without_hardening() {
        let wanted = ["codesign --force --sign - i/O.app", "codesign --verify --strict i/O.app"];
        assert_eq!(lines(&Finish::default()), wanted);
    }

    #[test]
    fn ad_hoc_image_is_not_signed() {
        let lines = lines(&Finish { image: true, ..Finish::default() });
        let create = "hdiutil create -volname Operator -fs APFS -format UDZO -srcfolder i o.dmg";
        assert_eq!(lines[2..], [create]);
    }

    #[test]
    fn release_is_hardened_notarized_and_stapled() {
        let identity = Some("Developer ID Application: A (B)".to_owned());
        let finish = Finish { identity, image: true, notarize: Some("notary".to_owned()) };
        let wanted = [
            "codesign --force --options runtime --timestamp --sign 'Developer ID Application: A (B)' i/O.app",
            "codesign --verify --strict i/O.app",
            "ditto -c -k --keepParent i/O.app o.zip",
            "xcrun notarytool submit --wait --keychain-profile notary o.zip",
            "xcrun stapler staple i/O.app",
            "hdiutil create -volname Operator -fs APFS -format UDZO -srcfolder i o.dmg",
            "codesign --force --timestamp --sign 'Developer ID Application: A (B)' o.dmg",
            "xcrun notarytool submit --wait --keychain-profile notary o.dmg",
            "xcrun stapler staple o.dmg",
        ];
        assert_eq!(lines(&finish), wanted);
        assert_eq!(lines(&Finish { image: false, ..finish }), wanted[..5]);
    }
}
