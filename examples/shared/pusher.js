// Loads pusher-js: the copy npm has installed, if there is one, else the same file from a CDN.
const VERSION = '8.6.0';
const BUNDLES = {
  'pusher.min.js': 'sha384-yz6oLe92Sren05O3WPhu8DK05E9PEkh7kTQJ819acmwKwcCMwJXGu9Kta5wYhfaJ',
  'pusher-with-encryption.min.js': 'sha384-pYFayNmFTq10y7XqhtGrFp6x1ZevpYi0O8M/yGdtx7tm2ubLgj0zTXzp5yMXIIgo',
};

function load(src, integrity) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    Object.assign(script, { src, onload: resolve, onerror: () => reject(new Error(`could not load ${src}`)) });
    if (integrity) Object.assign(script, { integrity, crossOrigin: 'anonymous' });
    document.head.append(script);
  });
}

/** The Pusher class. `bundle` is one of the files pusher-js publishes for browsers. */
export async function loadPusher(bundle = 'pusher.min.js') {
  const published = `pusher-js@${VERSION}/dist/web/${bundle}`;
  const sources = [
    [`/vendor/${bundle}`],
    [`https://cdn.jsdelivr.net/npm/${published}`, BUNDLES[bundle]],
    [`https://unpkg.com/${published}`, BUNDLES[bundle]],
  ];
  for (const source of sources) {
    try {
      await load(...source);
      return window.Pusher;
    } catch {
      // the next one
    }
  }
  throw new Error('pusher-js could not be loaded: run `npm install pusher-js` in examples/, or go online');
}
