//! Command line.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::app::{self, Parts};
use crate::call::Call;
use crate::cask::{self, Release};
use crate::compile::{self, Build};
use crate::error::{Error, WithPath};
use crate::finish::Finish;
use crate::icons;
use crate::info::Info;

const MAC: bool = cfg!(target_os = "macos");

/// Builds Operator.app, its icons, its disk image and its Homebrew cask
#[derive(Debug, Parser)]
#[command(
    name = "bundle",
    version,
    after_help = "\
  bundle app                        macOS: build Operator.app, signed ad hoc
  bundle app --binary FILE          any system: lay out Operator.app around an existing program
  bundle icons                      render the icons in assets/

Exit codes: 0 done; 1 failed; 64 wrong usage or not possible on this system."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build Operator.app and its disk image
    App(AppArgs),
    /// Render the PNG and ICNS files in assets/ from the SVG files
    Icons,
    /// Print the Homebrew cask of a release
    Cask {
        /// Disk image of the release, named Operator-VERSION.dmg
        #[arg(long, value_name = "FILE")]
        dmg: PathBuf,
        /// GitHub repository of the release
        #[arg(long, value_name = "OWNER/NAME", value_parser = cask::repository)]
        repository: String,
    },
}

#[derive(Debug, Args)]
pub struct AppArgs {
    /// Output folder [default: target/bundle]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Use this program instead of building one
    #[arg(long, value_name = "FILE")]
    pub binary: Option<PathBuf>,

    /// Sign with this certificate and the hardened runtime [default: ad hoc, for this Mac only]
    #[arg(long, value_name = "NAME", value_parser = identity)]
    pub identity: Option<String>,

    /// Also make a disk image
    #[arg(long)]
    pub dmg: bool,

    /// Notarize with the credentials of `xcrun notarytool store-credentials PROFILE`
    #[arg(long, value_name = "PROFILE", requires = "identity")]
    pub notarize: Option<String>,
}

/// Rejects `-`: `codesign` takes it as ad hoc, which must not get the hardened runtime.
fn identity(text: &str) -> Result<String, String> {
    match text.trim() {
        "" | "-" => Err("name a certificate, or leave --identity out to sign ad hoc".to_owned()),
        name => Ok(name.to_owned()),
    }
}

/// Run the command; results go to stdout.
pub fn run(cli: &Cli) -> Result<(), Error> {
    let root = root();
    match &cli.command {
        Command::App(args) => make_app(&root, args),
        Command::Icons => make_icons(&root.join("assets")),
        Command::Cask { dmg, repository } => print_cask(&root, dmg, repository),
    }
}

fn make_app(root: &Path, args: &AppArgs) -> Result<(), Error> {
    check_platform(args, MAC)?;
    let info = Info::load(root)?;
    let target_dir = target_dir(root);
    let mut run = |call: &Call| {
        log(&format!("+ {call}"));
        call.run()
    };
    let program = match &args.binary {
        Some(file) => file.clone(),
        None => {
            let build = Build { root, target_dir: &target_dir, min_macos: info.min_macos() };
            build.program(&compile::installed(&compile::sysroot()?), &mut run)?
        }
    };
    let parts = Parts::gather(root, info, &program)?;
    let finish =
        MAC.then(|| Finish { identity: args.identity.clone(), image: args.dmg, notarize: args.notarize.clone() });
    let out = args.out.clone().unwrap_or_else(|| target_dir.join("bundle"));
    let made = app::make(&parts, &out, finish.as_ref(), &mut run)?;
    made.iter().for_each(|path| print(&format!("{}\n", path.display())));
    Ok(())
}

/// Apple's tools exist on macOS only.
fn check_platform(args: &AppArgs, mac: bool) -> Result<(), Error> {
    let mac_flags =
        [("--identity", args.identity.is_some()), ("--dmg", args.dmg), ("--notarize", args.notarize.is_some())];
    let given: Vec<&str> = mac_flags.into_iter().filter_map(|(flag, is_given)| is_given.then_some(flag)).collect();
    let reason = match given.as_slice() {
        _ if mac => return Ok(()),
        [] if args.binary.is_some() => return Ok(()),
        [] => "building for macOS needs a Mac".to_owned(),
        flags => format!("{} needs a Mac", flags.join(", ")),
    };
    Err(Error::Usage(format!("{reason}; on this system use: bundle app --binary FILE [--out DIR] (unsigned)")))
}

fn make_icons(assets: &Path) -> Result<(), Error> {
    // Render all before writing any, so that an invalid file changes nothing.
    for (path, content) in icons::all(assets)? {
        fs::write(&path, content).with_path(&path)?;
        print(&format!("{}\n", path.display()));
    }
    Ok(())
}

fn print_cask(root: &Path, dmg: &Path, repository: &str) -> Result<(), Error> {
    let info = Info::load(root)?;
    let version = info.version();
    let wanted = app::image_name(version);
    if dmg.file_name().is_none_or(|name| name != wanted.as_str()) {
        return Err(Error::Usage(format!("version {version} is released as {wanted}, not {}", dmg.display())));
    }
    let sha256 = cask::sha256(dmg)?;
    print(&Release { version, sha256: &sha256, repository }.cask());
    Ok(())
}

/// The workspace folder: this program runs where it was built.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

fn target_dir(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder))
}

/// Write to stdout; a closed pipe is no error.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn log(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &str) -> Result<AppArgs, clap::Error> {
        match Cli::try_parse_from(["bundle", "app"].into_iter().chain(words.split_whitespace()))?.command {
            Command::App(args) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn other_systems_only_lay_out() {
        assert!(check_platform(&args("--binary x").unwrap(), false).is_ok());
        assert!(check_platform(&args("--binary x --out y").unwrap(), false).is_ok());
        for (words, named) in
            [("", "building"), ("--dmg", "--dmg"), ("--binary x --dmg --identity me", "--identity, --dmg")]
        {
            let said = check_platform(&args(words).unwrap(), false).unwrap_err().to_string();
            assert!(said.starts_with(named) && said.contains("--binary FILE"), "{words}: {said}");
            assert!(check_platform(&args(words).unwrap(), true).is_ok(), "{words}");
        }
    }

    #[test]
    fn notarize_requires_an_identity() {
        assert!(args("--notarize profile").is_err());
        assert!(args("--notarize profile --identity -").is_err());
        assert!(args("--notarize profile --identity me").is_ok());
    }
}
