// Hides the five secrets of an event, and its e-mail addresses.
var fields = [
    "http_request.headers.X-API-KEY",
    "http_request.headers.Authorization",
    "http_request.body.plugins.key-auth.key",
    "http_request.body.plugins.basic-auth.password",
    "operator.email"
];
var address = /[A-Za-z0-9._+-]+@[A-Za-z0-9-]+[.][A-Za-z0-9.]+/g;

function process(event) {
    for (var i = 0; i < fields.length; i++) {
        if (event.Get(fields[i]) !== null) {
            event.Put(fields[i], "***");
        }
    }
    var desc = event.Get("http_request.body.desc");
    if (desc !== null) {
        event.Put("http_request.body.desc", desc.replace(address, "***"));
    }
}
