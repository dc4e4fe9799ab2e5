"""Requests as three official server libraries put them on the wire, byte for byte.

Recorded from pusher-http-php 7.2.6 (Guzzle 7), pusher-http-ruby 2.1.0 (HTTPClient 2.9.0) and pusher-http-go 5.1.1
(net/http), each talking to `localhost:6001` as the demo app. Their signatures hold at the second they were made.
"""

# fmt: off
from __future__ import annotations

__all__ = ["GO", "PHP", "RUBY", "Recording"]

Recording = tuple[int, dict[str, bytes]]
"""The second of the recording, and the requests by the call that makes them."""

PHP: Recording = 1795170173, {
    "trigger": (
        b'POST /apps/app-id/events?auth_key=app-key&auth_timestamp=1795170173&auth_version=1.0&body_md5=9d20aa1996f4c322df54c705948f590d&auth_signature=7b3cbe8b34f9d8ae9c9599bf6a15288631828d623f8e1d09869541c16d3081fd HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: GuzzleHttp/7\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-php 7.2.6\r\n'
        b'Content-Length: 101\r\n\r\n'
        b'{"name":"my-event","data":"{\\"message\\":\\"hello <world> & \\\\u00fcn\\\\u00ef\\"}","channel":"my-channel"}'
    ),
    "trigger with params": (
        b'POST /apps/app-id/events?auth_key=app-key&auth_timestamp=1795170173&auth_version=1.0&body_md5=4703e98c21ef60c27c0efe7329a16316&auth_signature=0fa3b2fce06f8ee96abd4b2ffdc200d78ca9ca14a99dd674bbfea843b10fbd57 HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: GuzzleHttp/7\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-php 7.2.6\r\n'
        b'Content-Length: 142\r\n\r\n'
        b'{"name":"my-event","data":"\\"text\\"","channels":["presence-room","my-channel"],"socket_id":"1234.5678","info":"user_count,subscription_count"}'
    ),
    "triggerBatch": (
        b'POST /apps/app-id/batch_events?auth_key=app-key&auth_timestamp=1795170173&auth_version=1.0&body_md5=198cf74e7fc34f4f86292dfbecb751f4&auth_signature=386903177f6a402bfdf2e6c3c4302c027de281486574d3b2fe23c49c1d12bacd HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: GuzzleHttp/7\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-php 7.2.6\r\n'
        b'Content-Length: 154\r\n\r\n'
        b'{"batch":[{"name":"e1","data":"\\"d1\\"","channel":"a","info":"subscription_count"},{"name":"e2","data":"{\\"n\\":1}","channel":"b","socket_id":"1234.5678"}]}'
    ),
    "getChannels filtered": (
        b'GET /apps/app-id/channels?auth_key=app-key&auth_timestamp=1795170173&auth_version=1.0&filter_by_prefix=presence-&info=user_count&auth_signature=b8911d118753bfaf52912430471b54152b950c041d7a07e2fa58f2ba4b53905c HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: GuzzleHttp/7\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-php 7.2.6\r\n\r\n'
    ),
    "getChannels": (
        b'GET /apps/app-id/channels?auth_key=app-key&auth_timestamp=1795170173&auth_version=1.0&auth_signature=401e0effe2dfbbdc787f1993410eef7885301c8ca9922c7cce359528825bcd84 HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: GuzzleHttp/7\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-php 7.2.6\r\n\r\n'
    ),
    "getChannelInfo": (
        b'GET /apps/app-id/channels/presence-room?auth_key=app-key&auth_timestamp=1795170173&auth_version=1.0&info=user_count%2Csubscription_count&auth_signature=228aa2b52acdfc634d8fc4175127aa7a878c4cb4d3a0c646779560e60f40c84c HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: GuzzleHttp/7\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-php 7.2.6\r\n\r\n'
    ),
    "getPresenceUsers": (
        b'GET /apps/app-id/channels/presence-room/users?auth_key=app-key&auth_timestamp=1795170173&auth_version=1.0&auth_signature=f03403628b262a14869df1a80ecba7a7f2ea9aecd7f4cc5a11df7f5f122800ce HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: GuzzleHttp/7\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-php 7.2.6\r\n\r\n'
    ),
    "sendToUser": (
        b'POST /apps/app-id/events?auth_key=app-key&auth_timestamp=1795170173&auth_version=1.0&body_md5=9286e264a87e669fb5c776e2789d26cb&auth_signature=91dd7b0b7a3d0b8ee2352729fd3f52a02f96c7f58731cc5d10fc4e30a6e79de0 HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: GuzzleHttp/7\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-php 7.2.6\r\n'
        b'Content-Length: 66\r\n\r\n'
        b'{"name":"my-event","data":"\\"hi\\"","channel":"#server-to-user-42"}'
    ),
    "terminateUserConnections": (
        b'POST /apps/app-id/users/auth0%7C42/terminate_connections?auth_key=app-key&auth_timestamp=1795170173&auth_version=1.0&body_md5=99914b932bd37a50b983c5e7c90ae93b&auth_signature=10ab9a582380e94f6aa9a2c0f9f39421746b986768eaa38d4e0054065cf338d7 HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: GuzzleHttp/7\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-php 7.2.6\r\n'
        b'Content-Length: 2\r\n\r\n'
        b'{}'
    ),
}

RUBY: Recording = 1795170164, {
    "trigger": (
        b'POST /apps/app-id/events?body_md5=a664cf67806baf41d7605bd3a279643b&auth_version=1.0&auth_key=app-key&auth_timestamp=1795170164&auth_signature=0e2a632e095a9127761c02af2189fe2e38221d87b2750f9aefeaa883f608f623 HTTP/1.1\r\n'
        b'X-Pusher-Library: pusher-http-ruby 2.1.0\r\n'
        b'Content-Type: application/json\r\n'
        b'User-Agent: HTTPClient/1.0 (2.9.0, ruby 3.1.2 (2022-04-12))\r\n'
        b'Accept: */*\r\n'
        b'Date: Fri, 20 Nov 2026 10:22:44 GMT\r\n'
        b'Content-Length: 94\r\n'
        b'Host: localhost:6001\r\n\r\n'
        b'{"name":"my-event","channels":["my-channel"],"data":"{\\"message\\":\\"hello <world> & \xc3\xbcn\xc3\xaf\\"}"}'
    ),
    "trigger with params": (
        b'POST /apps/app-id/events?body_md5=426e3534aa300f3becccb335ec4b31e4&auth_version=1.0&auth_key=app-key&auth_timestamp=1795170164&auth_signature=26fa51541af2a3397ff8323e5dcd716660925470e324aa1a948dba36b5f03b74 HTTP/1.1\r\n'
        b'X-Pusher-Library: pusher-http-ruby 2.1.0\r\n'
        b'Content-Type: application/json\r\n'
        b'User-Agent: HTTPClient/1.0 (2.9.0, ruby 3.1.2 (2022-04-12))\r\n'
        b'Accept: */*\r\n'
        b'Date: Fri, 20 Nov 2026 10:22:44 GMT\r\n'
        b'Content-Length: 138\r\n'
        b'Host: localhost:6001\r\n\r\n'
        b'{"socket_id":"1234.5678","info":"user_count,subscription_count","name":"my-event","channels":["presence-room","my-channel"],"data":"text"}'
    ),
    "trigger_batch": (
        b'POST /apps/app-id/batch_events?body_md5=c16f214bc7085df83baefc417e85a6df&auth_version=1.0&auth_key=app-key&auth_timestamp=1795170164&auth_signature=ac0c9d667d0fd688f7ecf709c9ded723481513dad7173a616a0a61e19a7e86d4 HTTP/1.1\r\n'
        b'X-Pusher-Library: pusher-http-ruby 2.1.0\r\n'
        b'Content-Type: application/json\r\n'
        b'User-Agent: HTTPClient/1.0 (2.9.0, ruby 3.1.2 (2022-04-12))\r\n'
        b'Accept: */*\r\n'
        b'Date: Fri, 20 Nov 2026 10:22:44 GMT\r\n'
        b'Content-Length: 150\r\n'
        b'Host: localhost:6001\r\n\r\n'
        b'{"batch":[{"channel":"a","name":"e1","data":"d1","info":"subscription_count"},{"channel":"b","name":"e2","data":"{\\"n\\":1}","socket_id":"1234.5678"}]}'
    ),
    "channels filtered": (
        b'GET /apps/app-id/channels?filter_by_prefix=presence-&info=user_count&auth_version=1.0&auth_key=app-key&auth_timestamp=1795170164&auth_signature=d9588d71d7fc6c16b96a31f4a8e3ecc910979a0e1f8e55b0c938ff2b6923492e HTTP/1.1\r\n'
        b'X-Pusher-Library: pusher-http-ruby 2.1.0\r\n'
        b'User-Agent: HTTPClient/1.0 (2.9.0, ruby 3.1.2 (2022-04-12))\r\n'
        b'Accept: */*\r\n'
        b'Date: Fri, 20 Nov 2026 10:22:44 GMT\r\n'
        b'Host: localhost:6001\r\n\r\n'
    ),
    "channels": (
        b'GET /apps/app-id/channels?auth_version=1.0&auth_key=app-key&auth_timestamp=1795170164&auth_signature=039c3c1f444c803416dcc7c1c10c0e93470966b9db067b5817ada611df5b65ab HTTP/1.1\r\n'
        b'X-Pusher-Library: pusher-http-ruby 2.1.0\r\n'
        b'User-Agent: HTTPClient/1.0 (2.9.0, ruby 3.1.2 (2022-04-12))\r\n'
        b'Accept: */*\r\n'
        b'Date: Fri, 20 Nov 2026 10:22:44 GMT\r\n'
        b'Host: localhost:6001\r\n\r\n'
    ),
    "channel_info": (
        b'GET /apps/app-id/channels/presence-room?info=user_count%2Csubscription_count&auth_version=1.0&auth_key=app-key&auth_timestamp=1795170164&auth_signature=8f1b4659c2745ac771c157e45d82cd34069e3c084e91c54d51780283f3c09e02 HTTP/1.1\r\n'
        b'X-Pusher-Library: pusher-http-ruby 2.1.0\r\n'
        b'User-Agent: HTTPClient/1.0 (2.9.0, ruby 3.1.2 (2022-04-12))\r\n'
        b'Accept: */*\r\n'
        b'Date: Fri, 20 Nov 2026 10:22:44 GMT\r\n'
        b'Host: localhost:6001\r\n\r\n'
    ),
    "Channel#info": (
        b'GET /apps/app-id/channels/presence-room?info=user_count%2Csubscription_count&auth_version=1.0&auth_key=app-key&auth_timestamp=1795170164&auth_signature=8f1b4659c2745ac771c157e45d82cd34069e3c084e91c54d51780283f3c09e02 HTTP/1.1\r\n'
        b'X-Pusher-Library: pusher-http-ruby 2.1.0\r\n'
        b'User-Agent: HTTPClient/1.0 (2.9.0, ruby 3.1.2 (2022-04-12))\r\n'
        b'Accept: */*\r\n'
        b'Date: Fri, 20 Nov 2026 10:22:44 GMT\r\n'
        b'Host: localhost:6001\r\n\r\n'
    ),
    "Channel#info without attributes": (
        b'GET /apps/app-id/channels/my-channel?info=&auth_version=1.0&auth_key=app-key&auth_timestamp=1795170164&auth_signature=3cd42f357973f8393f850e026af3b58e94f5df0508f80d6232aec6e6a3735f6a HTTP/1.1\r\n'
        b'X-Pusher-Library: pusher-http-ruby 2.1.0\r\n'
        b'User-Agent: HTTPClient/1.0 (2.9.0, ruby 3.1.2 (2022-04-12))\r\n'
        b'Accept: */*\r\n'
        b'Date: Fri, 20 Nov 2026 10:22:44 GMT\r\n'
        b'Host: localhost:6001\r\n\r\n'
    ),
    "channel_users": (
        b'GET /apps/app-id/channels/presence-room/users?auth_version=1.0&auth_key=app-key&auth_timestamp=1795170164&auth_signature=a9dc06856f130fdfba721dff22ac592351a4c1ab3ac1d5a0765c7a4df63bd534 HTTP/1.1\r\n'
        b'X-Pusher-Library: pusher-http-ruby 2.1.0\r\n'
        b'User-Agent: HTTPClient/1.0 (2.9.0, ruby 3.1.2 (2022-04-12))\r\n'
        b'Accept: */*\r\n'
        b'Date: Fri, 20 Nov 2026 10:22:44 GMT\r\n'
        b'Host: localhost:6001\r\n\r\n'
    ),
}

GO: Recording = 1795170112, {
    "Trigger": (
        b'POST /apps/app-id/events?auth_key=app-key&auth_signature=448a2ce80296154bd1585ac97bdbdfea515c6547c229f0fa0009e5e676e0e365&auth_timestamp=1795170112&auth_version=1.0&body_md5=892af3a3ff3c83333ea69d88e6f43a7a HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: Go-http-client/1.1\r\n'
        b'Content-Length: 112\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-go 5.1.1\r\n'
        b'Accept-Encoding: gzip\r\n\r\n'
        b'{"channels":["my-channel"],"data":"{\\"message\\":\\"hello \\\\u003cworld\\\\u003e \\\\u0026 \xc3\xbcn\xc3\xaf\\"}","name":"my-event"}'
    ),
    "TriggerMultiWithParams": (
        b'POST /apps/app-id/events?auth_key=app-key&auth_signature=018c20b7696cb11c7a1ccf929e774765323e1223722910b3c381ab605267b8df&auth_timestamp=1795170112&auth_version=1.0&body_md5=4270a4b0ec85267d76398b217c1f47cd HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: Go-http-client/1.1\r\n'
        b'Content-Length: 138\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-go 5.1.1\r\n'
        b'Accept-Encoding: gzip\r\n\r\n'
        b'{"channels":["presence-room","my-channel"],"data":"text","info":"user_count,subscription_count","name":"my-event","socket_id":"1234.5678"}'
    ),
    "TriggerBatch": (
        b'POST /apps/app-id/batch_events?auth_key=app-key&auth_signature=bd35564a934b8bea3703c9b802ede8d59c1b62c8d2c5b6d605bbc4d30370cedf&auth_timestamp=1795170112&auth_version=1.0&body_md5=c16f214bc7085df83baefc417e85a6df HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: Go-http-client/1.1\r\n'
        b'Content-Length: 150\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-go 5.1.1\r\n'
        b'Accept-Encoding: gzip\r\n\r\n'
        b'{"batch":[{"channel":"a","name":"e1","data":"d1","info":"subscription_count"},{"channel":"b","name":"e2","data":"{\\"n\\":1}","socket_id":"1234.5678"}]}'
    ),
    "Channels filtered": (
        b'GET /apps/app-id/channels?auth_key=app-key&auth_signature=31d8a142d707f56ba8bd9d5c2c0743683650074e7873e21b9d56c3c485b40da4&auth_timestamp=1795170112&auth_version=1.0&filter_by_prefix=presence-&info=user_count HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: Go-http-client/1.1\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-go 5.1.1\r\n'
        b'Accept-Encoding: gzip\r\n\r\n'
    ),
    "Channels": (
        b'GET /apps/app-id/channels?auth_key=app-key&auth_signature=c5a2985aa35c57dbe839547379bb9ad75772f3410b0151db629ab2338d4c7a38&auth_timestamp=1795170112&auth_version=1.0 HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: Go-http-client/1.1\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-go 5.1.1\r\n'
        b'Accept-Encoding: gzip\r\n\r\n'
    ),
    "Channel": (
        b'GET /apps/app-id/channels/presence-room?auth_key=app-key&auth_signature=63c01ca94d0dda8e61420bc6e29b2598fe50ba2acf790075c521aba73b0a3419&auth_timestamp=1795170112&auth_version=1.0&info=user_count,subscription_count HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: Go-http-client/1.1\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-go 5.1.1\r\n'
        b'Accept-Encoding: gzip\r\n\r\n'
    ),
    "GetChannelUsers": (
        b'GET /apps/app-id/channels/presence-room/users?auth_key=app-key&auth_signature=9cdd37337346b9507bc7e89a92e2b8eedadf856301f81ba9d0d845e09639b03d&auth_timestamp=1795170112&auth_version=1.0 HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: Go-http-client/1.1\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-go 5.1.1\r\n'
        b'Accept-Encoding: gzip\r\n\r\n'
    ),
    "SendToUser": (
        b'POST /apps/app-id/events?auth_key=app-key&auth_signature=50c26cd0f399484153a46c0386e461d2fd7cf0024f32394df2d5b968ab25d4d2&auth_timestamp=1795170112&auth_version=1.0&body_md5=ac08d8366aef37caa5ad0e78bb669426 HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: Go-http-client/1.1\r\n'
        b'Content-Length: 71\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-go 5.1.1\r\n'
        b'Accept-Encoding: gzip\r\n\r\n'
        b'{"channels":["#server-to-user-auth0|42"],"data":"hi","name":"my-event"}'
    ),
    "Channel of a user": (
        b'GET /apps/app-id/channels/%23server-to-user-1?auth_key=app-key&auth_signature=ab4d8d638ef58be015dd58b3fdbddc077d9ce5622474bfd543a1e6914f06b4fe&auth_timestamp=1795170112&auth_version=1.0 HTTP/1.1\r\n'
        b'Host: localhost:6001\r\n'
        b'User-Agent: Go-http-client/1.1\r\n'
        b'Content-Type: application/json\r\n'
        b'X-Pusher-Library: pusher-http-go 5.1.1\r\n'
        b'Accept-Encoding: gzip\r\n\r\n'
    ),
}
