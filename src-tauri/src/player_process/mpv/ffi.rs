//! The few functions of libmpv that are used, found in the library at run time. The numbers and shapes are those of its client
//! interface, versions 1 and 2, which have these in common.

use std::ffi::{c_char, c_int, c_void};

use libloading::Library;

pub(super) const EVENT_NONE: c_int = 0;
pub(super) const EVENT_SHUTDOWN: c_int = 1;
pub(super) const EVENT_COMMAND_REPLY: c_int = 5;
pub(super) const EVENT_END_FILE: c_int = 7;
pub(super) const EVENT_FILE_LOADED: c_int = 8;
pub(super) const EVENT_SEEK: c_int = 20;
pub(super) const EVENT_PLAYBACK_RESTART: c_int = 21;
pub(super) const EVENT_PROPERTY_CHANGE: c_int = 22;

pub(super) const FORMAT_STRING: c_int = 1;

pub(super) const END_EOF: c_int = 0;
pub(super) const END_ERROR: c_int = 4;

pub(super) const RENDER_API_TYPE: c_int = 1;
pub(super) const RENDER_OPENGL_INIT: c_int = 2;
pub(super) const RENDER_OPENGL_FBO: c_int = 3;
pub(super) const RENDER_FLIP_Y: c_int = 4;
pub(super) const RENDER_BLOCK_FOR_TARGET_TIME: c_int = 12;

#[repr(C)]
pub(super) struct Event {
    pub(super) id: c_int,
    pub(super) error: c_int,
    pub(super) reply_userdata: u64,
    pub(super) data: *mut c_void,
}

#[repr(C)]
pub(super) struct EventProperty {
    pub(super) name: *const c_char,
    pub(super) format: c_int,
    pub(super) data: *mut c_void,
}

/// Only the beginning, which all versions share.
#[repr(C)]
pub(super) struct EventEndFile {
    pub(super) reason: c_int,
    pub(super) error: c_int,
}

#[repr(C)]
pub(super) struct RenderParam {
    pub(super) kind: c_int,
    pub(super) data: *mut c_void,
}

#[repr(C)]
pub(super) struct OpenGlInit {
    pub(super) get_proc_address: unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void,
    pub(super) context: *mut c_void,
    /// Read by version 1 only.
    pub(super) extra_extensions: *const c_char,
}

#[repr(C)]
pub(super) struct OpenGlFbo {
    pub(super) fbo: c_int,
    pub(super) width: c_int,
    pub(super) height: c_int,
    pub(super) internal_format: c_int,
}

macro_rules! functions {
    ($($name:ident: $symbol:literal = fn($($arg:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions. Their library is never closed: threads of it and of what it has opened may end after the player does.
        pub(super) struct Functions {
            $(pub(super) $name: unsafe extern "C" fn($($arg),*) $(-> $result)?,)*
        }

        impl Functions {
            fn find(library: Library) -> Result<Self, libloading::Error> {
                let library = std::mem::ManuallyDrop::new(library);
                // SAFETY: the types are those of libmpv's client interface, whose version was asked first.
                unsafe {
                    $(let $name = *library.get::<unsafe extern "C" fn($($arg),*) $(-> $result)?>($symbol)?;)*
                    Ok(Self { $($name,)* })
                }
            }
        }
    };
}

functions! {
    create: b"mpv_create\0" = fn() -> *mut c_void;
    initialize: b"mpv_initialize\0" = fn(*mut c_void) -> c_int;
    terminate_destroy: b"mpv_terminate_destroy\0" = fn(*mut c_void);
    set_option_string: b"mpv_set_option_string\0" = fn(*mut c_void, *const c_char, *const c_char) -> c_int;
    command_async: b"mpv_command_async\0" = fn(*mut c_void, u64, *const *const c_char) -> c_int;
    observe_property: b"mpv_observe_property\0" = fn(*mut c_void, u64, *const c_char, c_int) -> c_int;
    wait_event: b"mpv_wait_event\0" = fn(*mut c_void, f64) -> *mut Event;
    error_string: b"mpv_error_string\0" = fn(c_int) -> *const c_char;
    render_create: b"mpv_render_context_create\0" = fn(*mut *mut c_void, *mut c_void, *mut RenderParam) -> c_int;
    render_on_update: b"mpv_render_context_set_update_callback\0" =
        fn(*mut c_void, Option<unsafe extern "C" fn(*mut c_void)>, *mut c_void);
    render: b"mpv_render_context_render\0" = fn(*mut c_void, *mut RenderParam) -> c_int;
    render_free: b"mpv_render_context_free\0" = fn(*mut c_void);
}

const NAMES: [&str; 2] = ["libmpv.so.2", "libmpv.so.1"];
/// The first with the render interface as it is used here.
const OLDEST_VERSION: std::ffi::c_ulong = (1 << 16) | 101;
const NEWEST_MAJOR: std::ffi::c_ulong = 2;

/// Opens the library; the reason is for the log.
pub(super) fn open() -> Result<Functions, String> {
    let mut reason = String::new();
    for name in NAMES {
        // SAFETY: opening a library runs its initialisers; libmpv's do nothing that this process is not made for.
        match unsafe { Library::new(name) } {
            Ok(library) => return checked(library),
            Err(error) => reason = error.to_string(),
        }
    }
    Err(reason)
}

fn checked(library: Library) -> Result<Functions, String> {
    // SAFETY: the function has had this shape in every version.
    let version = unsafe {
        let ask = library.get::<unsafe extern "C" fn() -> std::ffi::c_ulong>(b"mpv_client_api_version\0");
        ask.map_err(|error| error.to_string())?()
    };
    if version < OLDEST_VERSION || version >> 16 > NEWEST_MAJOR {
        return Err(format!("libmpv speaks version {}.{}", version >> 16, version & 0xffff));
    }
    Functions::find(library).map_err(|error| error.to_string())
}
