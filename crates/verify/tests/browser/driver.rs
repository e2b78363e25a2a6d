//! A real browser, driven through chromedriver: the few commands of the WebDriver
//! protocol that the tests need, over plain HTTP.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long anything may take on a loaded machine before it counts as stuck.
const WATCHDOG: Duration = Duration::from_secs(120);

/// A headless Chromium with a fresh profile. Ends when it is dropped.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    profile: PathBuf,
}

/// The path of the first of these programs that is installed.
fn installed(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let programs = names
        .iter()
        .flat_map(|name| folders.iter().map(move |it| it.join(name)));
    programs.into_iter().find(|it| it.is_file())
}

impl Browser {
    /// Starts one in a light or a dark colour scheme; `None` if no browser is
    /// installed.
    pub(crate) fn start(dark: bool) -> Option<Self> {
        let chromium = installed(&["chromium", "chromium-browser", "google-chrome"])?;
        let driver = installed(&["chromedriver"])?;
        Some(Self::launch(&driver, &chromium, dark))
    }

    fn launch(driver: &Path, chromium: &Path, dark: bool) -> Self {
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let port = announced_port(&mut driver);
        let name = format!("closesocket-browser-{}-{port}", std::process::id());
        let profile = std::env::temp_dir().join(name);
        std::fs::create_dir(&profile).expect("a fresh profile");
        let mut browser = Self {
            driver,
            port,
            session: String::new(),
            profile,
        };
        let folder = format!("--user-data-dir={}", browser.profile.display());
        let mut arguments = vec![
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,1000",
            &folder,
        ];
        if dark {
            arguments.push("--force-dark-mode");
        }
        let session = browser.call(
            "POST",
            "/session",
            &json!({"capabilities": {"alwaysMatch": {
                "goog:chromeOptions": {"binary": chromium, "args": arguments},
                "goog:loggingPrefs": {"browser": "ALL"},
            }}}),
        );
        let id = session["sessionId"].as_str().expect("a session");
        browser.session = format!("/session/{id}");
        browser
    }

    /// Opens a page and waits until it is loaded.
    pub(crate) fn open(&self, url: &str) {
        self.command("POST", "/url", &json!({ "url": url }));
    }

    /// The address of the present page.
    pub(crate) fn url(&self) -> String {
        let url = self.command("GET", "/url", &Value::Null);
        url.as_str().expect("an address").to_owned()
    }

    /// The result of a script, which must return one.
    pub(crate) fn run(&self, script: &str) -> Value {
        let script = json!({ "script": script, "args": [] });
        self.command("POST", "/execute/sync", &script)
    }

    /// All text that is to be read on the page.
    pub(crate) fn text(&self) -> String {
        let text = self.run("return document.body.innerText");
        text.as_str().expect("a text").to_owned()
    }

    /// How many elements a selector finds.
    pub(crate) fn count(&self, selector: &str) -> u64 {
        let selector = Value::from(selector);
        let count = self.run(&format!(
            "return document.querySelectorAll({selector}).length"
        ));
        count.as_u64().expect("a count")
    }

    /// Waits until a condition holds of the page.
    pub(crate) fn wait(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !holds(self) {
            assert!(
                begin.elapsed() < WATCHDOG,
                "waited for {what} on {}:\n{}",
                self.url(),
                self.text()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until a text is on the page.
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait(&format!("`{text}`"), |it| it.text().contains(text));
    }

    /// Clicks on the link with this text, as a user does.
    pub(crate) fn click(&self, link: &str) {
        self.click_on("link text", link);
    }

    /// Clicks in the middle of the first element that a selector finds.
    pub(crate) fn click_at(&self, selector: &str) {
        self.click_on("css selector", selector);
    }

    /// Presses a key: a letter, or one of the protocol's code points for the others.
    pub(crate) fn press(&self, key: char) {
        let key = key.to_string();
        let press = json!([{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]);
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": press});
        self.command("POST", "/actions", &json!({ "actions": [keyboard] }));
    }

    fn click_on(&self, using: &str, link: &str) {
        let find = json!({ "using": using, "value": link });
        let element = self.command("POST", "/element", &find);
        let id = element.as_object().and_then(|it| it.values().next());
        let id = id.and_then(Value::as_str).expect(link);
        self.command("POST", &format!("/element/{id}/click"), &json!({}));
    }

    /// The errors on the console since the last time, without the icon that
    /// browsers ask every server for.
    pub(crate) fn console_errors(&self) -> Vec<String> {
        let log = self.command("POST", "/se/log", &json!({ "type": "browser" }));
        let entries = log.as_array().expect("a log").iter();
        entries
            .filter(|it| it["level"] == "SEVERE")
            .filter_map(|it| it["message"].as_str())
            .filter(|it| !it.contains("/favicon.ico"))
            .map(str::to_owned)
            .collect()
    }

    /// Loads the present page once more.
    pub(crate) fn reload(&self) {
        self.command("POST", "/refresh", &json!({}));
    }

    /// Makes the window this large, in pixels.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height });
        self.command("POST", "/window/rect", &size);
    }

    /// Saves what is to be seen, if the variable with the folder is set.
    pub(crate) fn screenshot(&self, name: &str, width: u32, height: u32) {
        let Some(folder) = std::env::var_os("CLOSESOCKET_SCREENSHOTS") else {
            return;
        };
        self.resize(width, height);
        let picture = self.command("GET", "/screenshot", &Value::Null);
        let picture = picture.as_str().expect("a picture");
        let file = Path::new(&folder).join(format!("{name}.png"));
        std::fs::write(file, base64(picture)).expect("the picture can be written");
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.call(method, &format!("{}{path}", self.session), body)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.request(method, path, body);
        let value = answer.expect("chromedriver answers")["value"].take();
        assert!(value["error"].is_null(), "{method} {path}: {value}");
        value
    }

    /// One command over a connection of its own.
    fn request(&self, method: &str, path: &str, body: &Value) -> io::Result<Value> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(WATCHDOG))?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        Ok(serde_json::from_slice(&body_of(stream)?)?)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Also when a test has failed: a killed driver leaves its browser behind.
        let _ = self.request("DELETE", &self.session, &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// The port that chromedriver says it got.
fn announced_port(driver: &mut Child) -> u16 {
    let output = driver.stdout.take().expect("a pipe");
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let port = lines.find_map(|line| {
        let port = line.strip_prefix("ChromeDriver was started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    // What it says later must have somewhere to go.
    std::thread::spawn(move || lines.for_each(drop));
    port.expect("chromedriver says its port")
}

/// The body of an answer whose length is announced.
fn body_of(stream: TcpStream) -> io::Result<Vec<u8>> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

/// What a Base64 text stands for.
fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |it: u8| DIGITS.iter().position(|&digit| digit == it);
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for value in text.bytes().filter_map(digit) {
        bits = bits << 6 | u32::try_from(value).unwrap_or(0);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff).to_le_bytes()[0]);
        }
    }
    bytes
}
