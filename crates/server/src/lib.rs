//! HTTP: TorrServer's API, byte ranges, access guard, browser host; the headless binary freshetd
