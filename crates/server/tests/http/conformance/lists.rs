//! Lists for players: points 12, 13 and 23.

use serde_json::json;

use crate::common::World;

#[tokio::test(flavor = "multi_thread")]
async fn c12_a_torrent_is_a_list_of_what_can_be_played() {
    let world = World::start().await;
    let hash = world.add(&world.show).await;
    let base = format!("http://{}", world.address());
    let url = |name: &str, id: u32| format!("{base}/stream/{name}?link={hash}&index={id}&play");
    let first =
        format!("#EXTINF:0,e1.mkv\n#EXTVLCOPT:input-slave={}#\n{}\n", url("e1.srt", 2), url("e1.mkv", 1));
    let second = format!("#EXTINF:0,e2.mkv\n{}\n", url("e2.mkv", 3));

    let reply = world.get(&format!("/stream/?m3u&link={hash}")).await;
    assert_eq!(reply.text(), format!("#EXTM3U\n{first}{second}"));
    assert_eq!(reply.field("content-type"), Some("audio/x-mpegurl"));
    assert_eq!(reply.field("content-disposition"), Some("attachment; filename=\"Show.m3u\""));
    for path in [
        format!("/playlist?hash={hash}"),
        format!("/playlist/?hash={hash}"),
        format!("/playlist/My.m3u?hash={hash}"),
    ] {
        assert_eq!(world.get(&path).await.text(), reply.text(), "{path}");
    }

    let rest = format!("#EXTM3U\n{second}");
    assert_eq!(world.get(&format!("/playlist?hash={hash}&index=3")).await.text(), rest);
    world.post("/viewed", json!({"action": "set", "hash": hash.to_string(), "file_index": 3})).await;
    assert_eq!(world.get(&format!("/playlist?hash={hash}&fromlast")).await.text(), rest);
    assert_eq!(world.get(&format!("/stream/x?link={hash}&m3u&fromlast")).await.text(), rest);

    // Every address in the list leads to the file.
    let path = url("e2.mkv", 3).replace(&base, "");
    assert_eq!(world.get(&path).await.body.len(), 200_000);
    assert_eq!(world.get("/playlist").await.status, 400);
    assert_eq!(world.get(&format!("/playlist?hash={}", world.film.info_hash)).await.status, 404);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_names_of_all_alphabets_and_proxies_are_written_as_players_read_them() {
    let world = World::start().await;
    let folder = world.folder.path().join("Сериал 1");
    std::fs::create_dir_all(folder.join("Звук")).unwrap();
    for name in ["Серия 01.mkv", "Серия 01.rus.srt", "Серия 02.avi", "Звук/Серия 01.ac3", "Обложка.jpg"]
    {
        std::fs::write(folder.join(name), name).unwrap();
    }
    let show = world.seeder.seed(&folder, None).await.unwrap();
    let hash = world.add(&show).await.to_string();

    let fields = [("x-forwarded-proto", "https"), ("x-forwarded-host", "tv.example")];
    let reply = world.get_with(&format!("/playlist/%D0%9C%D0%BE%D0%B9.m3u?hash={hash}"), &fields).await;

    insta::assert_snapshot!(reply.text().replace(&hash, "HASH"));
    assert_eq!(
        reply.fields.iter().find(|(name, _)| name == "content-disposition").map(|(_, value)| value.as_str()),
        Some("attachment; filename=\"Мой.m3u\"")
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c13_the_library_is_a_list_of_lists() {
    let world = World::start().await;
    let show = json!({"action": "add", "link": world.show.magnet(), "title": "A, b/c", "category": "tv", "poster": "http://p/x.jpg"});
    world.post("/torrents", show).await;
    world.add(&world.film).await;
    let base = format!("http://{}", world.address());
    let of_show = format!(
        "#EXTINF:0 tvg-logo=\"http://p/x.jpg\" type=\"playlist\",A, b/c\n\
         {base}/stream/A%2C%20b%2Fc.m3u?link={}&m3u&fn=file.m3u\n",
        world.show.info_hash
    );
    let of_film = format!(
        "#EXTINF:0 type=\"playlist\",Film é.mkv\n{base}/stream/Film%20%C3%A9.mkv.m3u?link={}&m3u&fn=file.m3u\n",
        world.film.info_hash
    );
    let get = async |query: &str| world.get(&format!("/playlistall/all.m3u{query}")).await.text().to_owned();

    let all = get("").await;
    assert!(all.contains(&of_show) && all.contains(&of_film), "{all}");
    assert_eq!(get("?category=TV").await, format!("#EXTM3U\n{of_show}"));
    assert_eq!(get("?category=uncategorized").await, format!("#EXTM3U\n{of_film}"));
    assert_eq!(get("?search=FILM").await, format!("#EXTM3U\n{of_film}"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c23_addresses_with_and_without_a_slash_are_the_same() {
    let world = World::start().await;
    let hash = world.add(&world.show).await;

    for path in ["/stream", "/stream/", "/stream/a/b.mkv"] {
        let reply = world.get(&format!("{path}?link={hash}&index=2&play")).await;
        assert_eq!((reply.status, reply.body.len()), (200, 500), "{path}");
    }
    for path in ["/playlist", "/playlist/", "/playlist/x.m3u"] {
        let reply = world.get(&format!("{path}?hash={hash}")).await;
        assert_eq!((reply.status, reply.field("content-type")), (200, Some("audio/x-mpegurl")), "{path}");
    }
    for path in ["/search", "/torznab/search"] {
        let moved = world.get(&format!("{path}?query=a%20b&index=0")).await;
        let there = format!("{path}/?query=a%20b&index=0");
        assert_eq!((moved.status, moved.field("location")), (301, Some(there.as_str())));
        assert!(world.get(&there).await.json().is_array(), "{path}");
    }
    world.end().await;
}
