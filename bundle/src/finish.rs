//! What Apple's tools do to the bundle: sign, notarise, and pack it into a disk image. Values only; nothing is run here.
//!
//! There is no entitlements file, for nothing needs one: Operator is not sandboxed, makes no code at run time, loads no foreign
//! library and asks for no protected data. Time-sensitive banners would take
//! `com.apple.developer.usernotifications.time-sensitive`, which a provisioning profile must allow: an app that claims it
//! without is killed at its start. Without it macOS shows those banners as ordinary ones.

use std::path::Path;

use crate::call::Call;

/// How the bundle is finished.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finish {
    /// The Developer ID that signs; none signs ad hoc, for this Mac alone.
    pub identity: Option<String>,
    /// Make a disk image too.
    pub image: bool,
    /// The keychain profile that notarises; needs an identity.
    pub notarize: Option<String>,
}

impl Finish {
    /// The calls in their order. `folder` holds the bundle (and the link to Applications) and becomes the image; `zip` is
    /// a file for the way to Apple.
    ///
    /// The app is notarised by itself before it goes into the image, so that a copy dragged out of it starts offline too.
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

    /// Ad hoc without the hardened runtime: macOS kills what has both. Notarising wants the runtime and a time stamp.
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

/// Fails too when Apple has refused what was submitted, whatever the submission's exit code said.
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
    fn without_an_identity_it_is_signed_ad_hoc_and_not_hardened() {
        let wanted = ["codesign --force --sign - i/O.app", "codesign --verify --strict i/O.app"];
        assert_eq!(lines(&Finish::default()), wanted);
    }

    #[test]
    fn an_image_of_an_ad_hoc_build_is_not_signed() {
        let lines = lines(&Finish { image: true, ..Finish::default() });
        let create = "hdiutil create -volname Operator -fs APFS -format UDZO -srcfolder i o.dmg";
        assert_eq!(lines[2..], [create]);
    }

    #[test]
    fn a_release_is_hardened_notarised_and_stapled_inside_and_out() {
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
