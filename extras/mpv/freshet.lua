-- Opens torrents in mpv: magnet links, info hashes, torrs:// links, .torrent files and links to them are handed to a running
-- Freshet (or freshetd), which streams the film while it comes in. Playback begins where it stopped the last time, and its
-- position is told back, so every other screen knows it too.
--
-- Copy this file to ~/.config/mpv/scripts/. It needs `curl`. Options go to ~/.config/mpv/script-opts/freshet.conf, or on the
-- command line: --script-opts=freshet-url=http://127.0.0.1:8090,freshet-password=...

local mp = require "mp"
local msg = require "mp.msg"
local utils = require "mp.utils"

local options = {
    -- Where Freshet listens.
    url = "http://127.0.0.1:8090",
    -- Only where Freshet asks for a password: not on the same computer.
    user = "freshet",
    password = "",
    -- Begin where the film was left.
    resume = true,
    -- How often the position is told, in seconds.
    report_secs = 15,
    -- How long the details of a magnet may take, in seconds.
    details_secs = 120,
}
require("mp.options").read_options(options, "freshet")
options.url = options.url:gsub("/+$", "")

local REQUEST_SECS = 15
-- A link to a .torrent file is fetched before the answer comes.
local ADD_SECS = 75
-- The last report must not keep mpv open.
local LAST_REPORT_SECS = 3
local POLL_SECS = 0.5
-- Who stopped this close to the end has seen it: it begins anew.
local SEEN_FROM = 0.95

local VIDEO = {}
for extension in ("3g2 3gp asf avi divx dv flv iso m2ts m2v m4v mkv mov mp4 mpe mpeg mpg mts mxf ogm ogv qt rm rmvb ts vob " ..
    "webm wmv"):gmatch("%S+") do
    VIDEO[extension] = true
end
local AUDIO = {}
for extension in ("aac ac3 aiff ape dff dsf dts eac3 flac m4a m4b mka mp2 mp3 mpc oga ogg opus spx tta wav weba wma wv")
    :gmatch("%S+") do
    AUDIO[extension] = true
end

-- The file of Freshet that is open now: its hash, index and last position.
local current = nil

local function say(text)
    mp.osd_message("Freshet: " .. text, 5)
end

local function fail(text)
    msg.error(text)
    say(text)
end

local function encode(text)
    return (text:gsub("[^%w%-%._~]", function(char) return ("%%%02X"):format(char:byte()) end))
end

local function base64(text)
    local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    local out = {}
    for at = 1, #text, 3 do
        local a, b, c = text:byte(at, at + 2)
        local number = a * 65536 + (b or 0) * 256 + (c or 0)
        local digits = { 0, 0, 0, 0 }
        for place = 4, 1, -1 do
            digits[place] = number % 64
            number = (number - digits[place]) / 64
        end
        for place = 1, 4 do
            local is_padding = (place == 3 and not b) or (place == 4 and not c)
            out[#out + 1] = is_padding and "=" or alphabet:sub(digits[place] + 1, digits[place] + 1)
        end
    end
    return table.concat(out)
end

-- The arguments of curl, and what it reads from its input: the password stands in no list of processes.
local function command(path, seconds, extra)
    local args = {
        "curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", tostring(seconds), "--config", "-",
    }
    for _, word in ipairs(extra) do
        args[#args + 1] = word
    end
    args[#args + 1] = "--"
    args[#args + 1] = options.url .. path
    local config = ""
    if options.password ~= "" then
        local user = (options.user .. ":" .. options.password):gsub('[\\"]', "\\%0"):gsub("[\r\n]", "")
        config = 'user = "' .. user .. '"\n'
    end
    return {
        name = "subprocess", args = args, stdin_data = config, playback_only = false,
        capture_stdout = true, capture_stderr = true,
    }
end

-- What came back, or nothing and why.
local function answer(result)
    if not result or result.error_string == "init" then
        return nil, "curl is not installed"
    end
    if result.status == 6 or result.status == 7 then
        return nil, "nobody answers at " .. options.url .. "; start Freshet or freshetd"
    end
    if result.status == 28 then
        return nil, "no answer in time from " .. options.url
    end
    if result.status ~= 0 then
        local reason = (result.stderr or ""):gsub("%s+$", ""):gsub("^curl: ", "")
        if reason:find("401", 1, true) then
            reason = "the password is wrong or missing (option freshet-password)"
        end
        return nil, reason ~= "" and reason or "the request failed"
    end
    return result.stdout or ""
end

local function json_arguments(value)
    return { "--header", "Content-Type: application/json", "--data-raw", utils.format_json(value) }
end

-- Asks and calls `done(text, reason)`.
local function ask(path, seconds, extra, done)
    mp.command_native_async(command(path, seconds, extra), function(_, result)
        done(answer(result))
    end)
end

local function ask_json(path, seconds, extra, done)
    ask(path, seconds, extra, function(text, reason)
        local value = text and utils.parse_json(text)
        if text and type(value) ~= "table" then
            reason = "this is not the answer of a Freshet"
            value = nil
        end
        done(value, reason)
    end)
end

local function local_torrent(path)
    local file = path:gsub("^file://", "")
    local info = file:lower():match("%.torrent$") and utils.file_info(file)
    return info and info.is_file and file or nil
end

local function is_link(path)
    local lower = path:lower()
    if lower:match("^magnet:") or lower:match("^torrs://") then
        return true
    end
    if lower:match("^https?://") then
        return lower:gsub("[?#].*$", ""):match("%.torrent$") ~= nil
    end
    local is_hash = (#path == 40 and not path:find("%X")) or (#path == 32 and lower:match("^[a-z2-7]+$") ~= nil)
    return is_hash and not utils.file_info(path)
end

-- Hash and index of an address that Freshet streams at.
local function own_stream(path)
    if path:sub(1, #options.url + 8) ~= options.url .. "/stream/" then
        return nil
    end
    local query = path:match("%?(.*)$") or ""
    local hash = query:match("link=(%x+)")
    local index = tonumber(query:match("index=(%d+)"))
    if hash and #hash == 40 and index then
        return hash:lower(), index
    end
end

local function extension_of(path)
    return (path:match("%.([^./]+)$") or ""):lower()
end

-- The films of a torrent; where there are none its music, else everything.
local function playable(files)
    for _, known in ipairs({ VIDEO, AUDIO }) do
        local found = {}
        for _, file in ipairs(files) do
            if known[extension_of(file.path)] and (file.length or 0) > 0 then
                found[#found + 1] = file
            end
        end
        if #found > 0 then
            return found
        end
    end
    return files
end

local function basename(path)
    return path:match("([^/]*)$")
end

local function stream_url(hash, file)
    return ("%s/stream/%s?link=%s&index=%d&play"):format(options.url, encode(basename(file.path)), hash, file.id)
end

-- The last step before a file of ours is opened: its title, the password, and where it begins.
local function prepare(hook, hash, index, title)
    current = { hash = hash, index = index }
    if title and mp.get_property("force-media-title", "") == "" then
        mp.set_property("file-local-options/force-media-title", title)
    end
    if options.password ~= "" then
        local field = "Authorization: Basic " .. base64(options.user .. ":" .. options.password)
        local fields = mp.get_property_native("http-header-fields") or {}
        fields[#fields + 1] = field
        mp.set_property_native("file-local-options/http-header-fields", fields)
    end
    if not options.resume or mp.get_property("start") ~= "none" then
        hook:cont()
        return
    end
    ask_json("/viewed", REQUEST_SECS, json_arguments({ action = "list", hash = hash }), function(list, reason)
        if reason then
            msg.warn("the position is not known: " .. reason)
        end
        for _, viewed in ipairs(list or {}) do
            if viewed.file_index == index and (viewed.timecode or 0) > 0 then
                current.from = viewed.timecode
                mp.set_property("file-local-options/start", tostring(viewed.timecode))
            end
        end
        hook:cont()
    end)
end

local function open(hook, status)
    local files = playable(status.file_stats)
    if #files == 1 then
        mp.set_property("stream-open-filename", stream_url(status.hash, files[1]))
        prepare(hook, status.hash, files[1].id, status.title ~= "" and status.title or basename(files[1].path))
        return
    end
    local lines = { "#EXTM3U" }
    for _, file in ipairs(files) do
        lines[#lines + 1] = "#EXTINF:0," .. basename(file.path):gsub("%c", " ")
        lines[#lines + 1] = stream_url(status.hash, file)
    end
    mp.set_property("stream-open-filename", "memory://" .. table.concat(lines, "\n"))
    hook:cont()
end

-- Asks until the torrent has files, the time is over, or mpv wants to stop.
local function wait_for_files(hook, status, deadline)
    if status.file_stats and #status.file_stats > 0 then
        open(hook, status)
    elseif mp.get_property_native("playback-abort") then
        hook:cont()
    elseif mp.get_time() > deadline then
        fail("nobody gave the details of the torrent in time")
        hook:cont()
    else
        say(("looking for the details (%d peers)"):format(status.active_peers or 0))
        mp.add_timeout(POLL_SECS, function()
            local get = json_arguments({ action = "get", hash = status.hash })
            ask_json("/torrents", REQUEST_SECS, get, function(next_status, reason)
                if not next_status then
                    fail(reason)
                    hook:cont()
                    return
                end
                wait_for_files(hook, next_status, deadline)
            end)
        end)
    end
end

local function add(hook, path, file)
    local deadline = mp.get_time() + options.details_secs
    local done = function(status, reason)
        if status and not status.hash then
            reason = "this is not a torrent that Freshet takes"
        end
        if reason then
            fail(reason)
            hook:cont()
            return
        end
        wait_for_files(hook, status, deadline)
    end
    say("opening the torrent")
    if file then
        -- In quotes, only these two characters have a meaning of their own.
        local quoted = file:gsub('[\\"]', "\\%0")
        local form = { "--form", 'file=@"' .. quoted .. '";filename="file.torrent"', "--form-string", "save=1" }
        ask_json("/torrent/upload", ADD_SECS, form, done)
    else
        ask_json("/torrents", ADD_SECS, json_arguments({ action = "add", link = path, save_to_db = true }), done)
    end
end

mp.add_hook("on_load", 9, function(hook)
    current = nil
    local path = mp.get_property("stream-open-filename", "")
    local hash, index = own_stream(path)
    local file = not hash and local_torrent(path)
    if hash then
        hook:defer()
        prepare(hook, hash, index)
    elseif file or is_link(path) then
        hook:defer()
        add(hook, path, file)
    end
end)

mp.register_event("file-loaded", function()
    local duration = mp.get_property_number("duration", 0)
    if current and current.from and duration > 0 and current.from >= duration * SEEN_FROM then
        mp.commandv("seek", "0", "absolute")
    end
end)

local function remember()
    local position = current and mp.get_property_number("time-pos")
    if position and position > 0 then
        current.position = position
    end
end

-- Tells where playback stands. `is_last`: waits until it is told, since mpv goes on to something else then.
local function report(is_last)
    remember()
    if not current or not current.position or current.position == current.told then
        return
    end
    current.told = current.position
    local set = json_arguments({
        action = "set", hash = current.hash, file_index = current.index, timecode = current.position,
    })
    if is_last then
        local _, reason = answer(mp.command_native(command("/viewed", LAST_REPORT_SECS, set)))
        if reason then
            msg.warn("the position was not kept: " .. reason)
        end
    else
        ask("/viewed", REQUEST_SECS, set, function(_, reason)
            if reason then
                msg.warn("the position was not kept: " .. reason)
            end
        end)
    end
end

mp.add_periodic_timer(1, remember)
mp.add_periodic_timer(math.max(1, options.report_secs), function()
    if not mp.get_property_native("pause") then
        report(false)
    end
end)
mp.observe_property("pause", "bool", function(_, is_paused)
    if is_paused then
        report(false)
    end
end)
mp.add_hook("on_unload", 50, function()
    report(true)
    current = nil
end)
