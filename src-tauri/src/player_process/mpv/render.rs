//! Draws the film's picture into the drawing area's own frame buffer.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Arc;

use libloading::Library;
use tokio::sync::Notify;

use super::{Mpv, ffi};

type GetProcAddress = unsafe extern "C" fn(*const c_char) -> *mut c_void;
type GetInteger = unsafe extern "C" fn(u32, *mut c_int);

const GL_DRAW_FRAMEBUFFER_BINDING: u32 = 0x8CA6;

/// Where OpenGL's functions are found: GLX under X11, EGL under Wayland.
struct OpenGl {
    get_proc_address: GetProcAddress,
    _library: Library,
}

impl OpenGl {
    fn open(is_wayland: bool) -> Result<Self, String> {
        let (name, symbol): (_, &[u8]) = if is_wayland {
            ("libEGL.so.1", b"eglGetProcAddress\0")
        } else {
            ("libGL.so.1", b"glXGetProcAddressARB\0")
        };
        // SAFETY: the system's OpenGL, which the drawing area uses already; the function has this shape by its standard.
        unsafe {
            let library = Library::new(name).map_err(|error| error.to_string())?;
            let get_proc_address =
                *library.get::<GetProcAddress>(symbol).map_err(|error| error.to_string())?;
            Ok(Self { get_proc_address, _library: library })
        }
    }
}

unsafe extern "C" fn find(context: *mut c_void, name: *const c_char) -> *mut c_void {
    // SAFETY: `context` is the `OpenGl` that was given together with this function, and outlives the render context.
    unsafe { ((*context.cast::<OpenGl>()).get_proc_address)(name) }
}

unsafe extern "C" fn wake(context: *mut c_void) {
    // SAFETY: `context` is the `Notify` of the `Picture`, which takes this function back before it goes.
    unsafe { (*context.cast::<Notify>()).notify_one() };
}

/// The film's picture in one OpenGL context. It stays on the thread that made it, and goes while the context is current.
pub(in crate::player_process) struct Picture {
    mpv: Arc<Mpv>,
    context: *mut c_void,
    get_integer: GetInteger,
    changed: Arc<Notify>,
    _open_gl: Box<OpenGl>,
}

impl Picture {
    /// The area's context must be current. `changed` is told when there is something new to draw.
    pub(in crate::player_process) fn new(
        mpv: &Arc<Mpv>,
        is_wayland: bool,
        changed: &Arc<Notify>,
    ) -> Result<Self, String> {
        let open_gl = Box::new(OpenGl::open(is_wayland)?);
        // SAFETY: the name ends with a zero.
        let get_integer = unsafe { (open_gl.get_proc_address)(c"glGetIntegerv".as_ptr()) };
        if get_integer.is_null() {
            return Err("this OpenGL has no functions".to_owned());
        }
        // SAFETY: a function of that name has this shape by OpenGL's standard.
        let get_integer = unsafe { std::mem::transmute::<*mut c_void, GetInteger>(get_integer) };
        let mut init = ffi::OpenGlInit {
            get_proc_address: find,
            context: std::ptr::from_ref(&*open_gl).cast_mut().cast(),
            extra_extensions: std::ptr::null(),
        };
        let mut params = [
            param(ffi::RENDER_API_TYPE, CStr::as_ptr(c"opengl").cast_mut().cast()),
            param(ffi::RENDER_OPENGL_INIT, std::ptr::from_mut(&mut init).cast()),
            param(0, std::ptr::null_mut()),
        ];
        let mut context = std::ptr::null_mut();
        // SAFETY: the handle is live; the list ends with a zero; what it points to lives over the call, and `open_gl` longer
        // than the context.
        let code =
            unsafe { (mpv.functions.render_create)(&raw mut context, mpv.handle, params.as_mut_ptr()) };
        mpv.check(code)?;
        // SAFETY: the context is live; `changed` is held until the function was taken back.
        unsafe {
            (mpv.functions.render_on_update)(context, Some(wake), Arc::as_ptr(changed).cast_mut().cast())
        };
        Ok(Self {
            mpv: Arc::clone(mpv),
            context,
            get_integer,
            changed: Arc::clone(changed),
            _open_gl: open_gl,
        })
    }

    /// Draws into the frame buffer that is bound, in device pixels.
    pub(in crate::player_process) fn draw(&self, width: i32, height: i32) {
        let mut fbo = ffi::OpenGlFbo { fbo: 0, width, height, internal_format: 0 };
        let (mut flip, mut block): (c_int, c_int) = (1, 0);
        // SAFETY: the area's context is current while it is drawn.
        unsafe { (self.get_integer)(GL_DRAW_FRAMEBUFFER_BINDING, &raw mut fbo.fbo) };
        let mut params = [
            param(ffi::RENDER_OPENGL_FBO, (&raw mut fbo).cast()),
            param(ffi::RENDER_FLIP_Y, (&raw mut flip).cast()),
            param(ffi::RENDER_BLOCK_FOR_TARGET_TIME, (&raw mut block).cast()),
            param(0, std::ptr::null_mut()),
        ];
        // SAFETY: the context is live; the list ends with a zero, and what it points to lives over the call.
        unsafe { (self.mpv.functions.render)(self.context, params.as_mut_ptr()) };
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: the context is live, and nobody uses it afterwards.
        unsafe {
            (self.mpv.functions.render_on_update)(self.context, None, std::ptr::null_mut());
            (self.mpv.functions.render_free)(self.context);
        }
        self.changed.notify_one();
    }
}

fn param(kind: c_int, data: *mut c_void) -> ffi::RenderParam {
    ffi::RenderParam { kind, data }
}
