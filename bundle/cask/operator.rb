cask "operator" do
  version "@VERSION@"
  sha256 "@SHA256@"

  url "https://github.com/@REPOSITORY@/releases/download/v#{version}/Operator-#{version}.dmg"
  name "Operator"
  desc "Watches health data, tasks and commitments and notifies rarely"
  homepage "https://github.com/@REPOSITORY@"

  livecheck do
    url :url
    strategy :github_latest
  end

  depends_on macos: :ventura

  app "Operator.app"
  binary "#{appdir}/Operator.app/Contents/MacOS/operator"

  uninstall quit: "com.thanos.operator"

  # Not in `uninstall`: that runs at every upgrade and would end the start at login.
  zap launchctl: "com.thanos.operator",
      trash:     [
        "~/Library/Application Support/Operator",
        "~/Library/LaunchAgents/com.thanos.operator.plist",
        "~/Library/Logs/Operator",
        "~/Library/Preferences/com.thanos.operator.plist",
      ]
end
