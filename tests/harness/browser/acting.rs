//! What a person does in a browser: reads, clicks, types, chooses, waits.

use std::path::Path;

use fantoccini::Locator;
use serde_json::{Value, json};

use super::Browser;
use crate::{Failure, SHORT, wait_until};

impl Browser {
    /// The text of an element, as it is shown.
    pub fn text(&self, css: &str) -> Result<String, Failure> {
        let mut text = String::new();
        wait_until(&format!("{css} to be read"), SHORT, || {
            let read = self.runtime.block_on(async {
                let element = self.client.find(Locator::Css(css)).await?;
                element.text().await
            });
            match read {
                Ok(read) => {
                    text = read;
                    Ok(Some(()))
                }
                // The page may just be coming.
                Err(error) if error.is_stale_element_reference() => Ok(None),
                Err(error) if error.is_no_such_element() => Ok(None),
                Err(error) => Err(Failure::new(format!("cannot read {css}: {error}"))),
            }
        })?;
        Ok(text)
    }

    /// Presses keys wherever the focus is, as a person without a mouse does.
    pub fn press_keys(&self, keys: &str) -> Result<(), Failure> {
        Ok(self.runtime.block_on(async {
            let focused = self.client.active_element().await?;
            focused.send_keys(keys).await
        })?)
    }

    /// Clicks an element once it can be pressed. Where a page that is live put another one in its place meanwhile,
    /// that one.
    pub fn click(&self, css: &str) -> Result<(), Failure> {
        wait_until(&format!("{css} to be clicked"), SHORT, || {
            let clicked = self.runtime.block_on(async {
                let element = self.client.find(Locator::Css(css)).await?;
                if !element.is_enabled().await? {
                    return Ok(false);
                }
                element.click().await.map(|()| true)
            });
            match clicked {
                Ok(clicked) => Ok(clicked.then_some(())),
                Err(error) if error.is_stale_element_reference() => Ok(None),
                Err(error) => Err(Failure::new(format!("cannot click {css}: {error}"))),
            }
        })
    }

    /// Waits until an element says something that holds `part`.
    #[track_caller]
    pub fn says(&self, css: &str, part: &str) -> Result<(), Failure> {
        let mut last = String::new();
        wait_until(&format!("{css} to say {part:?}"), SHORT, || {
            last = self.text(css)?;
            Ok(last.contains(part).then_some(()))
        })
        .map_err(|failure| Failure::new(format!("{failure}; it said {last:?}")))
    }

    /// Runs a script in the page and gives what it returns, or what it promised.
    pub fn script(&self, script: &str) -> Result<Value, Failure> {
        self.script_with(script, Vec::new())
    }

    /// The same with `arguments`.
    pub fn script_with(&self, script: &str, arguments: Vec<Value>) -> Result<Value, Failure> {
        Ok(self
            .runtime
            .block_on(self.client.execute(script, arguments))?)
    }

    /// Types into a field in place of what it holds.
    pub fn fill(&self, css: &str, text: &str) -> Result<(), Failure> {
        Ok(self.runtime.block_on(async {
            let element = self.client.find(Locator::Css(css)).await?;
            element.clear().await?;
            element.send_keys(text).await
        })?)
    }

    /// Brings a file to a field.
    pub fn bring(&self, css: &str, file: &Path) -> Result<(), Failure> {
        self.bring_all(css, &[file])
    }

    /// Brings files to a field that takes several.
    pub fn bring_all(&self, css: &str, files: &[&Path]) -> Result<(), Failure> {
        let paths: Vec<String> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        Ok(self.runtime.block_on(async {
            let element = self.client.find(Locator::Css(css)).await?;
            element.send_keys(&paths.join("\n")).await
        })?)
    }

    /// Chooses of a list by its value.
    pub fn choose(&self, css: &str, value: &str) -> Result<(), Failure> {
        Ok(self.runtime.block_on(async {
            let element = self.client.find(Locator::Css(css)).await?;
            element.select_by_value(value).await
        })?)
    }

    /// How many elements there are.
    pub fn count(&self, css: &str) -> Result<usize, Failure> {
        let found = self
            .runtime
            .block_on(self.client.find_all(Locator::Css(css)))?;
        Ok(found.len())
    }

    /// An attribute of an element.
    pub fn attribute(&self, css: &str, name: &str) -> Result<Option<String>, Failure> {
        Ok(self.runtime.block_on(async {
            let element = self.client.find(Locator::Css(css)).await?;
            element.attr(name).await
        })?)
    }

    /// Waits until there is an element.
    #[track_caller]
    pub fn shows(&self, css: &str) -> Result<(), Failure> {
        wait_until(
            &format!("{css} to be on {}", self.address()?),
            SHORT,
            || Ok((self.count(css)? > 0).then_some(())),
        )
        .map_err(|failure| {
            let text = self.text("body").unwrap_or_default();
            Failure::new(format!("{failure}; the page says:\n{text}"))
        })
    }

    /// Waits until the page is at a path, or at one below it where it ends with a slash.
    #[track_caller]
    pub fn arrives(&self, path: &str) -> Result<(), Failure> {
        let mut last = String::new();
        wait_until(&format!("the page to be {path}"), SHORT, || {
            last = self.address()?;
            let rest = last.split_once("://").map_or("", |(_, rest)| rest);
            let here = rest.find('/').map_or("/", |at| &rest[at..]);
            let here = here
                .split(['?', '#'])
                .next()
                .expect("a split has a first part");
            let below = path.len() > 1 && path.ends_with('/') && here.starts_with(path);
            Ok((here == path || below).then_some(()))
        })
        .map_err(|failure| {
            let text = self.text("body").unwrap_or_default();
            Failure::new(format!("{failure}; it is {last} and says:\n{text}"))
        })
    }

    /// The address of the page.
    pub fn address(&self) -> Result<String, Failure> {
        Ok(self
            .runtime
            .block_on(self.client.current_url())?
            .to_string())
    }

    /// The page as it came and became.
    pub fn source(&self) -> Result<String, Failure> {
        Ok(self.runtime.block_on(self.client.source())?)
    }

    /// Turns to the tab that was opened last.
    pub fn turn_to_new_tab(&self) -> Result<(), Failure> {
        let mut tabs = Vec::new();
        wait_until("a second tab", SHORT, || {
            tabs = self.runtime.block_on(self.client.windows())?;
            Ok((tabs.len() > 1).then_some(()))
        })?;
        let tab = tabs.pop().ok_or_else(|| Failure::new("no tab is open"))?;
        self.runtime.block_on(self.client.switch_to_window(tab))?;
        // A person looks at the tab that was opened; a browser without a screen does not always know.
        self.devtools("Page.bringToFront", &json!({}))?;
        let focused = json!({ "enabled": true });
        self.devtools("Emulation.setFocusEmulationEnabled", &focused)?;
        Ok(())
    }

    /// Closes the tab that is looked at, and turns to the first one.
    pub fn close_tab(&self) -> Result<(), Failure> {
        Ok(self.runtime.block_on(async {
            self.client.close_window().await?;
            let first = self.client.windows().await?.into_iter().next();
            match first {
                Some(tab) => self.client.switch_to_window(tab).await,
                None => Ok(()),
            }
        })?)
    }

    /// The value of a cookie of the page's site, which the browser must hold.
    pub fn cookie(&self, name: &str) -> Result<String, Failure> {
        let all = self.runtime.block_on(self.client.get_all_cookies())?;
        let found = all.into_iter().find(|cookie| cookie.name() == name);
        match found {
            Some(cookie) if !cookie.value().is_empty() => Ok(cookie.value().to_owned()),
            Some(_) | None => Err(Failure::new(format!("the browser holds no cookie {name}"))),
        }
    }

    /// Gives the browser a cookie of a site.
    pub fn hold_cookie(&self, url: &str, name: &str, value: &str) -> Result<(), Failure> {
        let cookie = json!({ "url": url, "name": name, "value": value, "httpOnly": true, "sameSite": "Strict" });
        self.devtools("Network.setCookie", &cookie)?;
        Ok(())
    }
}
