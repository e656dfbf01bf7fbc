export function makeOnce(folder: string, make: (scratch: string) => void): void;
