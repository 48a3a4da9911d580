# A point of presence (POP) made of Varnish 7 with xkey (varnish-modules): docs/edge.md has the contract that it keeps.
# This is a template; "yardmaster pop config varnish" fills in the words in ${}.
vcl 4.1;

import std;
import xkey;
import purge;

backend origin {
  .host = "${POP_ORIGIN_HOST}";
  .port = "${POP_ORIGIN_PORT}";
  .connect_timeout = 3s;
  .first_byte_timeout = 15s;
  .between_bytes_timeout = 5s;
}

# "yardmaster pop agent varnish", on this machine: it counts what Varnish itself cannot count apart.
backend agent {
  .host = "127.0.0.1";
  .port = "${POP_AGENT_PORT}";
  .connect_timeout = 1s;
}

acl control {
  ${POP_CONTROL_NETWORKS}
}

sub vcl_recv {
  # Nearly all that comes, in one look: plain paths without a token. What admit takes away is not read on this way.
  if (req.method == "GET" && req.restarts == 0 && !req.http.X-Pop-Key && !req.http.Cache-Control
      && req.url ~ "^(?!/(?:_pop|edge|t|v)/)(?:/[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)*+)++$") {
    unset req.http.Cookie;
    unset req.http.Authorization;
    unset req.http.X-Pop-Token;
    unset req.http.X-Pop-Count;
    unset req.http.X-Pop-Copy;
    return (hash);
  }
  if (req.restarts == 0) { call admit; }
  if (req.http.X-Pop-Control && req.url ~ "^/_pop/") { set req.backend_hint = agent; return (pass); }
  set req.backend_hint = origin;

  if (req.method == "PURGE") { call purge_many; return (hash); }
  if (req.method == "OPTIONS") { return (synth(204)); }
  if (req.method != "GET" && req.method != "HEAD") { return (synth(405)); }

  unset req.http.Cookie;
  unset req.http.Authorization;
  if (req.url ~ "\?") { set req.url = std.querysort(req.url); }
  if (!req.http.X-Pop-Token) { call playback; }
  return (hash);
}

# Who may ask what. What is between the subroutines goes through headers, which viewers shall not set.
sub admit {
  unset req.http.X-Pop-Control;
  unset req.http.X-Pop-Object;
  unset req.http.X-Pop-Token;
  unset req.http.X-Pop-Count;
  unset req.http.X-Pop-Copy;
  if (req.url !~ "^/" || req.url ~ "(?i)(/|%2f|\\|%5c)(\.|%2e){2}(/|%2f|\\|%5c|\?|$)") { return (synth(400)); }
  # Letters, digits and slashes in disguise: "/%76/" is "/v/" to the origin, and nothing to us.
  if (req.url ~ "(?i)^[^?]*%(2f|3[0-9]|4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])|[^ -~]") { return (synth(400)); }
  if (req.http.X-Pop-Key) {
    # The agent does not count these as viewers.
    std.log("control");
    if (client.ip !~ control || req.http.X-Pop-Key != "${POP_KEY}") { return (synth(403)); }
    set req.http.X-Pop-Control = "yes";
    if (req.url !~ "^/_pop/") { unset req.http.X-Pop-Key; }
  } elsif (req.method == "PURGE" || req.http.Cache-Control ~ "only-if-cached" || req.url ~ "^/_pop/") {
    return (synth(403));
  }
  if (req.url ~ "^/edge/") { return (synth(404)); }
}

sub purge_many {
  if (req.http.Surrogate-Key) {
    if (req.http.X-Soft-Purge) { set req.http.X-Pop-Count = xkey.softpurge(req.http.Surrogate-Key); }
    else { set req.http.X-Pop-Count = xkey.purge(req.http.Surrogate-Key); }
    return (synth(200));
  }
  if (req.http.X-Purge-Prefix) {
    # Folders are keys of their own: a ban would neither count nor leave stale copies. The same bound as in "folders".
    if (req.http.X-Purge-Prefix !~ "^/([^/]+/){0,8}$") { return (synth(400)); }
    set req.http.X-Pop-Object = "folder:" + regsuball(req.http.X-Purge-Prefix, ",", "%2c");
    if (req.http.X-Soft-Purge) { set req.http.X-Pop-Count = xkey.softpurge(req.http.X-Pop-Object); }
    else { set req.http.X-Pop-Count = xkey.purge(req.http.X-Pop-Object); }
    return (synth(200));
  }
}

# Whether a video may be played is the origin's to say: it is asked by the same request, which starts anew afterwards.
# The answer is cached as any other, so that it is asked once per token.
sub playback {
  if (req.url ~ "^/t/") {
    if (req.url !~ "^/t/[0-9]{1,12}\.[0-9a-f]{64}/v/[^/?]+/[^/?]+/[^?]") { return (synth(403)); }
    set req.http.X-Pop-Token = "asked";
    set req.http.X-Pop-Object = regsub(req.url, "^/t/[^/]+", "");
    set req.url = regsub(req.url, "^/t/([^/]+)/v/([^/]+)/([^/]+)/.*", "/edge/tokens/\1/\2/\3");
  } elsif (req.url ~ "^/v/" && !req.http.X-Pop-Control) {
    return (synth(403));
  }
}

# One name for whatever host a viewer calls us by.
sub vcl_hash {
  hash_data(req.url);
  return (lookup);
}

sub purge_one {
  if (req.method == "PURGE") {
    if (req.http.X-Soft-Purge) { set req.http.X-Pop-Count = purge.soft(0s); }
    else { set req.http.X-Pop-Count = purge.hard(); }
    return (synth(200));
  }
}

sub vcl_hit {
  call purge_one;
  if (req.http.Cache-Control && req.http.Cache-Control ~ "only-if-cached") {
    if (obj.status != 200) { return (synth(504)); }
    # Delivered as a hit, a stale copy would be fetched anew by the question.
    set req.http.X-Pop-Copy = {""${POP_NAME}"; hit; ttl="} + std.integer(duration = obj.ttl);
    set req.http.X-Pop-Etag = obj.http.ETag;
    set req.http.X-Pop-Length = obj.http.Content-Length;
    return (synth(200));
  }
}

sub vcl_miss {
  call purge_one;
  if (req.http.Cache-Control ~ "only-if-cached") { return (synth(504)); }
}

sub vcl_backend_fetch {
  set bereq.http.Host = "${POP_ORIGIN_HOST}:${POP_ORIGIN_PORT}";
  unset bereq.http.X-Pop-Control;
  unset bereq.http.X-Pop-Object;
  unset bereq.http.X-Pop-Token;
}

# Written once, as it is fetched, so that a hit, which is nearly all that comes, is sent as it is. What a copy does not
# say of itself is said in vcl_deliver. Pages of any site may play what is here; there are no cookies to steal.
sub share_copy {
  set beresp.http.X-Cache = "HIT";
  set beresp.http.Cache-Status = {""${POP_NAME}"; hit"};
  set beresp.http.Access-Control-Allow-Origin = "*";
  set beresp.http.Access-Control-Expose-Headers = "Content-Length, Content-Range, ETag, Age, Cache-Status";
}

sub vcl_backend_response {
  call share_copy;
  if (bereq.backend == agent) { return (deliver); }
  unset beresp.http.Set-Cookie;
  if (beresp.http.CDN-Cache-Control ~ "(?i)(no-store|private|no-cache)") { set beresp.ttl = 0s; }
  elsif (beresp.http.CDN-Cache-Control ~ "(?i)max-age=[0-9]+") {
    set beresp.ttl = std.duration(regsub(beresp.http.CDN-Cache-Control, "(?i).*max-age=([0-9]+).*", "\1s"), 60s);
  } elsif (beresp.http.Cache-Control ~ "(?i)(no-store|private|no-cache)") { set beresp.ttl = 0s; }
  set beresp.grace = 24h;
  set beresp.keep = 24h;
  if (bereq.url ~ "^/edge/tokens/") {
    # A token that is over, is over.
    set beresp.grace = 0s;
    set beresp.keep = 0s;
    if (beresp.status != 204) { set beresp.ttl = 5s; }
    if (beresp.status >= 500) { set beresp.ttl = 1s; }
    return (deliver);
  }
  if (beresp.status >= 500) {
    # The stale copy stays. Without one, a crowd asks a broken origin once a second.
    if (bereq.is_bgfetch) { return (abandon); }
    set beresp.ttl = 1s;
    set beresp.grace = 0s;
    set beresp.keep = 0s;
    return (deliver);
  }
  if (beresp.status == 404 || beresp.status == 410) {
    set beresp.ttl = 5s;
    set beresp.grace = 0s;
    set beresp.keep = 0s;
    return (deliver);
  }
  if (beresp.ttl <= 0s || (beresp.status != 200 && beresp.status != 301 && beresp.status != 308)) {
    set beresp.uncacheable = true;
    set beresp.ttl = 10s;
    return (deliver);
  }
  # What no giving up of copies would make room for is passed on: a fetch that finds no room is cut off, and so are viewers.
  if (std.bytes(beresp.http.Content-Length, 0B) > (storage.memory.free_space + storage.memory.used_space) * 0.9) {
    set beresp.uncacheable = true;
    set beresp.ttl = 10s;
    return (deliver);
  }
  set beresp.http.xkey = beresp.http.Surrogate-Key;
  call folders;
  return (deliver);
}

# Every folder above the object is a key, so that a prefix can be purged softly, and counted. Eight are enough for us.
sub folders {
  set bereq.http.X-Pop-Path = regsuball(regsub(bereq.url, "\?.*$", ""), ",", "%2c");
  set beresp.http.xkey = beresp.http.xkey + " folder:/";
  if (bereq.http.X-Pop-Path ~ "^/[^/]+/") {
    set beresp.http.xkey = beresp.http.xkey + " folder:" + regsub(bereq.http.X-Pop-Path, "^((?:/[^/]+){1}/).*$", "\1"); }
  if (bereq.http.X-Pop-Path ~ "^(/[^/]+){2}/") {
    set beresp.http.xkey = beresp.http.xkey + " folder:" + regsub(bereq.http.X-Pop-Path, "^((?:/[^/]+){2}/).*$", "\1"); }
  if (bereq.http.X-Pop-Path ~ "^(/[^/]+){3}/") {
    set beresp.http.xkey = beresp.http.xkey + " folder:" + regsub(bereq.http.X-Pop-Path, "^((?:/[^/]+){3}/).*$", "\1"); }
  if (bereq.http.X-Pop-Path ~ "^(/[^/]+){4}/") {
    set beresp.http.xkey = beresp.http.xkey + " folder:" + regsub(bereq.http.X-Pop-Path, "^((?:/[^/]+){4}/).*$", "\1"); }
  if (bereq.http.X-Pop-Path ~ "^(/[^/]+){5}/") {
    set beresp.http.xkey = beresp.http.xkey + " folder:" + regsub(bereq.http.X-Pop-Path, "^((?:/[^/]+){5}/).*$", "\1"); }
  if (bereq.http.X-Pop-Path ~ "^(/[^/]+){6}/") {
    set beresp.http.xkey = beresp.http.xkey + " folder:" + regsub(bereq.http.X-Pop-Path, "^((?:/[^/]+){6}/).*$", "\1"); }
  if (bereq.http.X-Pop-Path ~ "^(/[^/]+){7}/") {
    set beresp.http.xkey = beresp.http.xkey + " folder:" + regsub(bereq.http.X-Pop-Path, "^((?:/[^/]+){7}/).*$", "\1"); }
  if (bereq.http.X-Pop-Path ~ "^(/[^/]+){8}/") {
    set beresp.http.xkey = beresp.http.xkey + " folder:" + regsub(bereq.http.X-Pop-Path, "^((?:/[^/]+){8}/).*$", "\1"); }
}

sub vcl_deliver {
  if (req.http.X-Pop-Token == "asked") {
    if (resp.status == 204) {
      set req.http.X-Pop-Token = "valid";
      set req.url = req.http.X-Pop-Object;
      return (restart);
    }
    if (resp.status >= 500) { return (synth(503)); }
    return (synth(403));
  }
  if (obj.hits == 0 || obj.uncacheable) {
    set resp.http.X-Cache = "MISS";
    if (obj.uncacheable) { set resp.http.Cache-Status = {""${POP_NAME}"; fwd=miss"}; }
    else { set resp.http.Cache-Status = {""${POP_NAME}"; fwd=miss; stored"}; }
  } elsif (obj.ttl <= 0s) {
    set resp.http.X-Cache = "STALE";
    set resp.http.Cache-Status = {""${POP_NAME}"; hit; ttl=-1; detail=stale"};
  }
  unset resp.http.xkey;
  unset resp.http.Surrogate-Key;
  unset resp.http.CDN-Cache-Control;
  unset resp.http.X-Varnish;
  unset resp.http.Via;
}

sub vcl_synth {
  unset resp.http.X-Varnish;
  # As share_copy does.
  set resp.http.Access-Control-Allow-Origin = "*";
  set resp.http.Access-Control-Expose-Headers = "Content-Length, Content-Range, ETag, Age, Cache-Status";
  if (req.method == "OPTIONS") {
    set resp.http.Access-Control-Allow-Methods = "GET, HEAD, OPTIONS";
    set resp.http.Access-Control-Allow-Headers = "Range, If-None-Match, If-Range";
    set resp.http.Access-Control-Max-Age = "86400";
  }
  if (req.http.X-Pop-Count) { set resp.http.X-Purged = req.http.X-Pop-Count; }
  if (req.http.X-Pop-Copy) {
    set resp.http.Cache-Status = req.http.X-Pop-Copy;
    set resp.http.ETag = req.http.X-Pop-Etag;
    set resp.http.X-Pop-Length = req.http.X-Pop-Length;
  }
  if (resp.status >= 400) { set resp.body = "" + resp.status + " " + resp.reason + {"
"}; set resp.http.Content-Type = "text/plain"; }
  return (deliver);
}

sub vcl_backend_error {
  if (bereq.is_bgfetch) { return (abandon); }
  call share_copy;
  set beresp.http.Content-Type = "text/plain";
  set beresp.http.Retry-After = "5";
  set beresp.body = {"503 The origin does not answer
"};
  set beresp.ttl = 1s;
  set beresp.grace = 0s;
  set beresp.keep = 0s;
  return (deliver);
}
