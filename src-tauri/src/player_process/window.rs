//! The window: the film's picture below, the page above it, which is transparent where it shows nothing.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use gtk::prelude::*;
use tokio::sync::{Notify, mpsc};
use url::Url;
use wry::{WebContext, WebViewBuilder, WebViewBuilderExtUnix as _, WebViewExtUnix as _};

use super::Word;
use super::bridge::{Request, WindowAction};
use super::mpv::{Event, Mpv, Picture};

const EVENT_QUEUE: usize = 64;
const MAX_REQUEST_BYTES: usize = 16 * 1024;
const MINI_SIZE: (i32, i32) = (480, 270);
/// Tells the page that this process plays the film; `heard` is where its events arrive.
const INTRODUCTION: &str = "window.freshetFilm = { ask: (request) => window.ipc.postMessage(JSON.stringify(request)), heard: () => {} };";

const ALIVE_EVERY: Duration = Duration::from_secs(2);

/// Why the window is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Closed,
    /// The web view's own process is gone, and a window without controls is none.
    PageLost,
}

/// Shows the page until its window is closed.
pub(super) fn run(page: &Url) -> Result<End, String> {
    gtk::init().map_err(|error| error.to_string())?;
    let mpv = Mpv::new()?;
    let window = gtk::Window::new(gtk::WindowType::Toplevel);
    window.set_title("Freshet");
    window.set_default_size(1152, 648);
    window.set_position(gtk::WindowPosition::Center);
    let area = gtk::GLArea::new();
    let overlay = gtk::Overlay::new();
    let above = gtk::Box::new(gtk::Orientation::Vertical, 0);
    overlay.add(&area);
    overlay.add_overlay(&above);
    window.add(&overlay);

    let failure = draw_on(&area, &mpv);
    let mut context = WebContext::new(None);
    context.set_allows_automation(std::env::var("TAURI_WEBVIEW_AUTOMATION").as_deref() == Ok("true"));
    let origin = page.origin();
    let asking = asking(&window, &mpv, page);
    let view = WebViewBuilder::new_with_web_context(&mut context)
        .with_transparent(true)
        .with_url(page.as_str())
        .with_autoplay(true)
        .with_initialization_script(INTRODUCTION)
        .with_navigation_handler(move |address| Url::parse(&address).is_ok_and(|url| url.origin() == origin))
        .with_ipc_handler(move |request| asking(request.uri(), request.body()))
        .build_gtk(&above)
        .map_err(|error| error.to_string())?;

    let (sender, mut events) = mpsc::channel::<Event>(EVENT_QUEUE);
    mpv.listen(sender).map_err(|error| error.to_string())?;
    let view = Rc::new(view);
    let told = Rc::clone(&view);
    gtk::glib::MainContext::default().spawn_local(async move {
        while let Some(event) = events.recv().await {
            let Ok(text) = serde_json::to_string(&event) else { continue };
            // JSON is a part of the language that the page speaks.
            let _ = told.evaluate_script(&format!("window.freshetFilm.heard({text})"));
        }
    });
    window.connect_window_state_event({
        let view = Rc::clone(&view);
        move |_, event| {
            let is_on = event.new_window_state().contains(gtk::gdk::WindowState::FULLSCREEN);
            let _ = view
                .evaluate_script(&format!("window.freshetFilm.heard({{kind:'fullscreen',is_on:{is_on}}})"));
            gtk::glib::Propagation::Proceed
        }
    });
    let end = Rc::new(Cell::new(End::Closed));
    view.webview().connect_local("web-process-terminated", false, {
        let end = Rc::clone(&end);
        move |_| {
            end.set(End::PageLost);
            gtk::main_quit();
            None
        }
    });
    window.connect_destroy(|_| {
        Word::Closed.say();
        gtk::main_quit();
    });
    window.show_all();
    if let Some(error) = failure.borrow_mut().take() {
        return Err(error);
    }
    gtk::glib::timeout_add_local(ALIVE_EVERY, || {
        Word::Alive.say();
        gtk::glib::ControlFlow::Continue
    });
    gtk::main();
    Ok(end.get())
}

/// Brings the window to the front.
pub(super) fn raise() {
    for window in gtk::Window::list_toplevels() {
        if let Ok(window) = window.downcast::<gtk::Window>() {
            window.present();
        }
    }
}

/// Draws the film on the area as soon as it has a context. What goes wrong there is in what is given back.
fn draw_on(area: &gtk::GLArea, mpv: &Arc<Mpv>) -> Rc<RefCell<Option<String>>> {
    let failure = Rc::new(RefCell::new(None));
    let picture: Rc<RefCell<Option<Picture>>> = Rc::default();
    let changed = Arc::new(Notify::new());
    area.connect_realize({
        let (mpv, picture, failure, changed) =
            (Arc::clone(mpv), picture.clone(), failure.clone(), changed.clone());
        move |area| {
            area.make_current();
            let is_wayland = area.display().type_().name() == "GdkWaylandDisplay";
            let made = match area.error() {
                Some(error) => Err(error.to_string()),
                None => Picture::new(&mpv, is_wayland, &changed),
            };
            match made {
                Ok(made) => *picture.borrow_mut() = Some(made),
                Err(error) => *failure.borrow_mut() = Some(error),
            }
        }
    });
    area.connect_unrealize({
        let picture = picture.clone();
        move |area| {
            area.make_current();
            picture.borrow_mut().take();
        }
    });
    area.connect_render({
        let picture = picture.clone();
        move |area, _| {
            let scale = area.scale_factor();
            if let Some(picture) = picture.borrow().as_ref() {
                picture.draw(area.allocated_width() * scale, area.allocated_height() * scale);
            }
            gtk::glib::Propagation::Stop
        }
    });
    let weak = area.downgrade();
    gtk::glib::MainContext::default().spawn_local(async move {
        loop {
            changed.notified().await;
            let Some(area) = weak.upgrade() else { return };
            area.queue_render();
        }
    });
    failure
}

/// Answers the page: only our own, and only in the words of the bridge.
fn asking(window: &gtk::Window, mpv: &Arc<Mpv>, page: &Url) -> impl Fn(&wry::http::Uri, &str) + 'static {
    let (window, mpv, page) = (window.downgrade(), Arc::clone(mpv), page.clone());
    let is_ready = Cell::new(false);
    move |from, text| {
        let is_own = Url::parse(&from.to_string()).is_ok_and(|from| from.origin() == page.origin());
        if !is_own || text.len() > MAX_REQUEST_BYTES {
            return;
        }
        let Ok(request) = serde_json::from_str::<Request>(text) else { return };
        // The page asks for something as soon as it is there.
        if !is_ready.replace(true) {
            Word::Ready.say();
        }
        match request.perform(&mpv, &page) {
            Ok(None) => {}
            Ok(Some(action)) => {
                if let Some(window) = window.upgrade() {
                    change(&window, action);
                }
            }
            Err(error) => eprintln!("freshet: the film's player refused: {error}"),
        }
    }
}

fn change(window: &gtk::Window, action: WindowAction) {
    match action {
        WindowAction::Fullscreen { is_on: true } => window.fullscreen(),
        WindowAction::Fullscreen { is_on: false } => window.unfullscreen(),
        WindowAction::OnTop { is_on } => window.set_keep_above(is_on),
        WindowAction::Mini { is_on } => {
            window.set_decorated(!is_on);
            window.set_keep_above(is_on);
            let (width, height) = if is_on { MINI_SIZE } else { (1152, 648) };
            window.resize(width, height);
        }
        WindowAction::Title { text } => window.set_title(&text),
        WindowAction::Close => window.close(),
    }
}
