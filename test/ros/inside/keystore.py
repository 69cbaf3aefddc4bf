"""An SROS2 keystore made with openssl, for tests on systems without sros2.

It has the files that `ros2 security create_keystore`, `create_enclave` and `create_permission` make.
"""

import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree

GOVERNANCE = """\
<?xml version="1.0" encoding="UTF-8"?>
<dds xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
     xsi:noNamespaceSchemaLocation="http://www.omg.org/spec/DDS-SECURITY/20170901/omg_shared_ca_governance.xsd">
  <domain_access_rules><domain_rule>
    <domains><id>{domain_id}</id></domains>
    <allow_unauthenticated_participants>false</allow_unauthenticated_participants>
    <enable_join_access_control>true</enable_join_access_control>
    <discovery_protection_kind>ENCRYPT</discovery_protection_kind>
    <liveliness_protection_kind>ENCRYPT</liveliness_protection_kind>
    <rtps_protection_kind>SIGN</rtps_protection_kind>
    <topic_access_rules><topic_rule>
      <topic_expression>*</topic_expression>
      <enable_discovery_protection>true</enable_discovery_protection>
      <enable_liveliness_protection>true</enable_liveliness_protection>
      <enable_read_access_control>true</enable_read_access_control>
      <enable_write_access_control>true</enable_write_access_control>
      <metadata_protection_kind>ENCRYPT</metadata_protection_kind>
      <data_protection_kind>ENCRYPT</data_protection_kind>
    </topic_rule></topic_access_rules>
  </domain_rule></domain_access_rules>
</dds>
"""
PERMISSIONS = """\
<?xml version="1.0" encoding="UTF-8"?>
<dds xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
     xsi:noNamespaceSchemaLocation="http://www.omg.org/spec/DDS-SECURITY/20170901/omg_shared_ca_permissions.xsd">
  <permissions><grant name="{enclave}">
    <subject_name>CN={enclave}</subject_name>
    <validity><not_before>{begin}</not_before><not_after>{end}</not_after></validity>
    <allow_rule>
      <domains><id>{domain_id}</id></domains>
      <publish><topics>{publish}</topics></publish>
      <subscribe><topics>{subscribe}</topics></subscribe>
    </allow_rule>
    <default>DENY</default>
  </grant></permissions>
</dds>
"""
# rmw's own topic, which create_permission allows for all participants.
DISCOVERY = 'ros_discovery_info'


class Policy:
    """An SROS2 policy for one enclave with one node.

    Attributes:
        enclave: path of the enclave.
        publish, subscribe, reply, request: names with wildcards, absolute.
    """

    def __init__(self, file):
        self.enclave = ElementTree.parse(file).find('.//enclave').get('path')
        (profile,) = ElementTree.parse(file).iter('profile')
        self._namespace, self._node = profile.get('ns'), profile.get('node')
        self.publish, self.subscribe, self.reply, self.request = (
            [
                self._absolute(name.text)
                for element in profile
                if element.get(rule) == 'ALLOW'
                for name in element
            ]
            for rule in ('publish', 'subscribe', 'reply', 'request')
        )

    def _absolute(self, name):
        base = self._namespace.rstrip('/')
        if name.startswith('~'):
            return f'{base}/{self._node}{name[1:]}'
        return name if name.startswith('/') else f'{base}/{name}'

    def topics(self):
        """Return the DDS topics that the enclave may publish and subscribe to."""
        asked, answered = (self._ends('rq', 'Request'), self._ends('rr', 'Reply'))
        publish = [f'rt{name}' for name in self.publish] + answered[0] + asked[1]
        subscribe = [f'rt{name}' for name in self.subscribe] + asked[0] + answered[1]
        return [*publish, DISCOVERY], [*subscribe, DISCOVERY]

    def _ends(self, prefix, suffix):
        of = (self.reply, self.request)
        return [[f'{prefix}{name}{suffix}' for name in names] for names in of]


class Everything:
    """Return a policy that allows everything, for the other side of a test."""

    def __init__(self, enclave):
        self.enclave = enclave

    def topics(self):
        return ['*'], ['*']


class Keystore:
    """A keystore at `root` (an empty folder) for one DDS domain."""

    def __init__(self, root, domain_id):
        self.root, self._domain_id = root, domain_id
        (root / 'enclaves').mkdir()
        self._openssl(
            *(
                'req',
                '-x509',
                '-newkey',
                'ec',
                '-pkeyopt',
                'ec_paramgen_curve:prime256v1',
                '-nodes',
                '-days',
                '2',
            ),
            *('-keyout', 'ca.key.pem', '-out', 'ca.cert.pem', '-subj', '/CN=sros2CA'),
        )
        (root / 'governance.xml').write_text(GOVERNANCE.format(domain_id=domain_id))
        self._sign('governance.xml', 'governance.p7s')

    def add(self, policy):
        """Create the keys and the permissions of an enclave."""
        folder = self.root / 'enclaves' / policy.enclave.lstrip('/')
        folder.mkdir(parents=True)
        key, request, cert = (str(folder / name) for name in ('key.pem', 'request.pem', 'cert.pem'))
        subject = '/CN=' + policy.enclave.replace('/', r'\/')
        self._openssl(
            *('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'),
            *('-keyout', key, '-out', request, '-subj', subject),
        )
        self._openssl(
            *(
                'x509',
                '-req',
                '-in',
                request,
                '-CA',
                'ca.cert.pem',
                '-CAkey',
                'ca.key.pem',
                '-CAcreateserial',
            ),
            *('-out', cert, '-days', '2'),
        )
        now = datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)
        publish, subscribe = (
            ''.join(f'<topic>{name}</topic>' for name in names) for names in policy.topics()
        )
        permissions = PERMISSIONS.format(
            enclave=policy.enclave,
            domain_id=self._domain_id,
            begin=(now - timedelta(days=1)).isoformat(),
            end=(now + timedelta(days=1)).isoformat(),
            publish=publish,
            subscribe=subscribe,
        )
        (folder / 'permissions.xml').write_text(permissions)
        self._sign(folder / 'permissions.xml', folder / 'permissions.p7s')
        shutil.copy(self.root / 'governance.p7s', folder)
        for name in ('identity_ca', 'permissions_ca'):
            shutil.copy(self.root / 'ca.cert.pem', folder / f'{name}.cert.pem')

    def _sign(self, unsigned, signed):
        signer = ('-signer', 'ca.cert.pem', '-inkey', 'ca.key.pem')
        self._openssl('smime', '-sign', '-text', '-in', str(unsigned), '-out', str(signed), *signer)

    def _openssl(self, *arguments):
        subprocess.run(['openssl', *arguments], cwd=self.root, check=True, capture_output=True)
