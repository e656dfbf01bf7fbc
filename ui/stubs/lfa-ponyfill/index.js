export function queryRemoteFonts() {
  return Promise.resolve([]);
}
