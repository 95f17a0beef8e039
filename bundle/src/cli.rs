//! Flags and commands, and what each of them does.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::app::{self, Parts};
use crate::call::Call;
use crate::cask::{self, Release};
use crate::compile::{self, Build};
use crate::failure::{About, Failure};
use crate::finish::Finish;
use crate::icons;
use crate::info::Info;

const MAC: bool = cfg!(target_os = "macos");

/// Makes Operator.app, its icons, its disk image and its Homebrew cask.
#[derive(Debug, Parser)]
#[command(
    name = "bundle",
    version,
    after_help = "\
  bundle app                        on a Mac: build, sign ad hoc, make Operator.app
  bundle app --binary FILE          anywhere: lay Operator.app out around a program that is there
  bundle icons                      draw assets/ anew

Exit codes: 0 done; 1 failed; 64 wrong usage, or not possible on this system."
)]
pub struct Cli {
    /// What to make.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be made.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make Operator.app, and a disk image of it
    App(AppArgs),
    /// Draw the PNG and ICNS files in assets/ anew from their SVG sources
    Icons,
    /// Print the Homebrew cask of a release
    Cask {
        /// The release's disk image, under the name that the release gives it
        #[arg(long, value_name = "FILE")]
        dmg: PathBuf,
        /// The GitHub repository that releases it
        #[arg(long, value_name = "OWNER/NAME", value_parser = cask::repository)]
        repository: String,
    },
}

/// How the bundle is made.
#[derive(Debug, Args)]
pub struct AppArgs {
    /// Where to put it [default: target/bundle]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Take this program instead of building one
    #[arg(long, value_name = "FILE")]
    pub binary: Option<PathBuf>,

    /// Sign with this certificate and the hardened runtime [default: ad hoc, for this Mac alone]
    #[arg(long, value_name = "NAME", value_parser = identity)]
    pub identity: Option<String>,

    /// Make a disk image too
    #[arg(long)]
    pub dmg: bool,

    /// Have Apple notarise it, with what `xcrun notarytool store-credentials PROFILE` has stored
    #[arg(long, value_name = "PROFILE", requires = "identity")]
    pub notarize: Option<String>,
}

/// `-` means ad hoc to `codesign`, and would get the hardened runtime here.
fn identity(text: &str) -> Result<String, String> {
    match text.trim() {
        "" | "-" => Err("name a certificate, or leave --identity out to sign ad hoc".to_owned()),
        name => Ok(name.to_owned()),
    }
}

/// Do what was asked; results go to stdout.
///
/// # Errors
/// When it cannot be done here, or a step fails.
pub fn run(cli: &Cli) -> Result<(), Failure> {
    let root = root();
    match &cli.command {
        Command::App(args) => make_app(&root, args),
        Command::Icons => make_icons(&root.join("assets")),
        Command::Cask { dmg, repository } => print_cask(&root, dmg, repository),
    }
}

fn make_app(root: &Path, args: &AppArgs) -> Result<(), Failure> {
    possible(args, MAC)?;
    let info = Info::read(root)?;
    let target_dir = target_dir(root);
    let mut run = |call: &Call| {
        say(&format!("+ {call}"));
        call.run()
    };
    let program = match &args.binary {
        Some(file) => file.clone(),
        None => {
            let build = Build { root, target_dir: &target_dir, floor: info.floor() };
            build.program(&compile::installed(&compile::sysroot()?), &mut run)?
        }
    };
    let parts = Parts::gather(root, info, &program)?;
    let finish =
        MAC.then(|| Finish { identity: args.identity.clone(), image: args.dmg, notarize: args.notarize.clone() });
    let out = args.out.clone().unwrap_or_else(|| target_dir.join("bundle"));
    let made = app::make(&parts, &out, finish.as_ref(), &mut run)?;
    made.iter().for_each(|path| emit(&format!("{}\n", path.display())));
    Ok(())
}

/// Apple's tools are on a Mac alone; what is possible without them is said.
fn possible(args: &AppArgs, mac: bool) -> Result<(), Failure> {
    let only_there =
        [("--identity", args.identity.is_some()), ("--dmg", args.dmg), ("--notarize", args.notarize.is_some())];
    let asked: Vec<&str> = only_there.into_iter().filter_map(|(flag, given)| given.then_some(flag)).collect();
    let why = match asked.as_slice() {
        _ if mac => return Ok(()),
        [] if args.binary.is_some() => return Ok(()),
        [] => "building for macOS needs a Mac".to_owned(),
        flags => format!("{} needs a Mac", flags.join(", ")),
    };
    Err(Failure::Usage(format!(
        "{why}; here Operator.app can be laid out, unsigned, around a program that is there: bundle app --binary FILE [--out DIR]"
    )))
}

fn make_icons(assets: &Path) -> Result<(), Failure> {
    // All are drawn before the first is written: a mistake in one drawing changes nothing.
    for (path, content) in icons::all(assets)? {
        fs::write(&path, content).about(&path)?;
        emit(&format!("{}\n", path.display()));
    }
    Ok(())
}

fn print_cask(root: &Path, dmg: &Path, repository: &str) -> Result<(), Failure> {
    let info = Info::read(root)?;
    let version = info.version();
    let wanted = app::image_name(version);
    if dmg.file_name().is_none_or(|name| name != wanted.as_str()) {
        return Err(Failure::Usage(format!("version {version} is released as {wanted}, not as {}", dmg.display())));
    }
    let sha256 = cask::sha256(dmg)?;
    emit(&Release { version, sha256: &sha256, repository }.cask());
    Ok(())
}

/// The project's folder: this program is run where it was built.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

fn target_dir(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder))
}

/// Write to stdout. A reader that has gone away is no failure.
fn emit(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn say(text: &str) {
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
    fn away_from_a_mac_only_the_layout_is_possible() {
        assert!(possible(&args("--binary x").unwrap(), false).is_ok());
        assert!(possible(&args("--binary x --out y").unwrap(), false).is_ok());
        for (words, named) in
            [("", "building"), ("--dmg", "--dmg"), ("--binary x --dmg --identity me", "--identity, --dmg")]
        {
            let said = possible(&args(words).unwrap(), false).unwrap_err().to_string();
            assert!(said.starts_with(named) && said.contains("--binary FILE"), "{words}: {said}");
            assert!(possible(&args(words).unwrap(), true).is_ok(), "{words}");
        }
    }

    #[test]
    fn what_apple_would_refuse_is_refused_at_once() {
        assert!(args("--notarize profile").is_err());
        assert!(args("--notarize profile --identity -").is_err());
        assert!(args("--notarize profile --identity me").is_ok());
    }
}
